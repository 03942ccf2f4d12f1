package sysinfo

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestAddressSpace(t *testing.T) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &l); err != nil {
		t.Fatal(err)
	}
	const room = 1 << 30
	lower := l
	lower.Cur = procBytes("/proc/self/status", "VmSize:") + room
	if lower.Cur > l.Cur {
		t.Skip("the limit is lower already")
	}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &lower); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_AS, &l)
	if got := AvailableMemory(); got > room || got < room/2 {
		t.Errorf("with %d bytes of address space left, %d are available", room, got)
	}
}
