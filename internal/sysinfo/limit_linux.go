package sysinfo

import "golang.org/x/sys/unix"

// addressSpace is what the limit of this process's address space has left; ok:
// there is a limit.
func addressSpace() (left uint64, ok bool) {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &l) != nil || l.Cur >= unlimited {
		return 0, false
	}
	return l.Cur - min(l.Cur, procBytes("/proc/self/status", "VmSize:")), true
}
