//go:build unix

package vec

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/stablelora/stablelora/internal/dtype"
)

// atPageEnd returns n bytes that end where memory ends: rows of weights are read
// from mapped files, and reading beyond one would kill the program.
func atPageEnd(t *testing.T, n int) unsafe.Pointer {
	page := unix.Getpagesize()
	m, err := unix.Mmap(-1, 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(m) })
	if err := unix.Mprotect(m[page:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return unsafe.Pointer(&m[page-n])
}

func TestNothingBeyondTheEndIsTouched(t *testing.T) {
	withEach(t, func(t *testing.T) {
		for _, n := range []int{1, 7, 8, 9, 15, 16, 17, 31, 33} {
			s := make([][]float32, 5)
			for k := range s {
				s[k] = unsafe.Slice((*float32)(atPageEnd(t, 4*n)), n)
			}
			for _, o := range ops {
				if result := o.run(s[:o.slices]); result != result {
					t.Errorf("%s of zeros: %v", o.name, result)
				}
				for k := range s {
					clear(s[k])
				}
			}
			h := unsafe.Slice((*uint16)(atPageEnd(t, 2*n)), n)
			for _, d := range []dtype.DType{dtype.BF16, dtype.F16} {
				Round(h, s[0], d)
				Widen(s[0], h, d)
			}
		}
	})
}
