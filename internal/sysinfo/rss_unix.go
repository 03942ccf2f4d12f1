//go:build linux || darwin

package sysinfo

import (
	"runtime"
	"syscall"
)

// PeakRSS is the largest resident memory of this process so far, in bytes; 0
// where it is not known.
func PeakRSS() uint64 {
	// Not Maxrss on Linux if it can be helped: exec hands a process the peak of
	// the one that started it.
	if peak := procBytes("/proc/self/status", "VmHWM:"); peak > 0 {
		return peak
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "linux" {
		return uint64(u.Maxrss) << 10
	}
	return uint64(u.Maxrss)
}
