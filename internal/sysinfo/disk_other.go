//go:build !linux && !darwin && !freebsd

package sysinfo

// FreeDisk is not known here.
func FreeDisk(string) uint64 { return 0 }
