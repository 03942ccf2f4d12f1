//go:build linux || darwin || freebsd

package sysinfo

import "golang.org/x/sys/unix"

// FreeDisk is the space in bytes that is left for this user where dir lies; 0
// where it is not known.
func FreeDisk(dir string) uint64 {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0
	}
	return uint64(s.Bavail) * uint64(s.Bsize)
}
