//go:build linux || darwin || freebsd

package safetensors

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forget tells the system that the whole pages within b, part of a mapping, need
// not stay in memory. They are read from the file again when touched.
func forget(b []byte) {
	page := uintptr(os.Getpagesize())
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) % page)
	if n := (len(b) - skip) / int(page) * int(page); n > 0 {
		_ = unix.Madvise(b[skip:skip+n], unix.MADV_DONTNEED) // advice only
	}
}
