//go:build unix

package blas

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
	"gonum.org/v1/gonum/blas"

	"github.com/stablelora/stablelora/internal/dtype"
)

// atPageEnd returns n bytes that end where readable memory ends: weights are
// mapped from files, and reading beyond the mapping would kill the program.
func atPageEnd(t *testing.T, n int) unsafe.Pointer {
	page := unix.Getpagesize()
	size := roundUp(n, page)
	m, err := unix.Mmap(-1, 0, size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(m) })
	if err := unix.Mprotect(m[size:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return unsafe.Pointer(&m[size-n])
}

func TestNothingBeyondTheEndIsTouched(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		for _, s := range [][2]int{{16, 16}, {17, 40}, {33, 23}, {80, 96}} {
			for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
				for _, m := range []int{1, 6, 13, 31} {
					rows, cols := s[0], s[1]
					w := Source{DType: d, Rows: rows, Cols: cols}
					p := atPageEnd(t, rows*cols*d.Size())
					if d == dtype.F32 {
						w.F32 = unsafe.Slice((*float32)(p), rows*cols)
					} else {
						w.U16 = unsafe.Slice((*uint16)(p), rows*cols)
					}
					x := unsafe.Slice((*float32)(atPageEnd(t, 4*m*cols)), m*cols)
					y := unsafe.Slice((*float32)(atPageEnd(t, 4*m*rows)), m*rows)
					MulT(y, rows, x, cols, m, w, true)
					Mul(x, cols, y, rows, m, w, false)
					MulTBF16(y, rows, x, cols, m, w, true)
					MulBF16(x, cols, y, rows, m, w, false)
					xy := unsafe.Slice((*float32)(atPageEnd(t, 4*rows*cols)), rows*cols) // xᵀ (cols, m) · y (m, rows)
					Implementation{}.Sgemm(blas.Trans, blas.NoTrans, cols, rows, m, 1, x, cols, y, rows, 1, xy, rows)
					GemmBF16(blas.Trans, blas.NoTrans, cols, rows, m, x, cols, y, rows, xy, rows, true)
					for i, v := range y {
						if v != 0 || x[i%len(x)] != 0 {
							t.Fatalf("a product of zeros gave %v", v)
						}
					}
				}
			}
		}
	})
}

// A transposed A is read where it lies, a column at a time.
func TestTransposedLeftStaysInItsSlice(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		const n, k = 32, 9
		for m := 1; m <= 15; m++ {
			a := unsafe.Slice((*float32)(atPageEnd(t, 4*k*m)), k*m)
			b := unsafe.Slice((*float32)(atPageEnd(t, 4*k*n)), k*n)
			c := unsafe.Slice((*float32)(atPageEnd(t, 4*m*n)), m*n)
			Implementation{}.Sgemm(blas.Trans, blas.NoTrans, m, n, k, 1, a, m, b, n, 1, c, n)
			for _, v := range c {
				if v != 0 {
					t.Fatalf("a product of zeros gave %v", v)
				}
			}
		}
	})
}

func TestDotsStayInTheirSlices(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		for _, s := range [][2]int{{16, 16}, {17, 32}, {33, 23}, {3, 64}} {
			for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
				for m := 1; m <= 13; m++ {
					rows, cols := s[0], s[1]
					w := Source{DType: d, Rows: rows, Cols: cols}
					p := atPageEnd(t, rows*cols*d.Size())
					if d == dtype.F32 {
						w.F32 = unsafe.Slice((*float32)(p), rows*cols)
					} else {
						w.U16 = unsafe.Slice((*uint16)(p), rows*cols)
					}
					x := unsafe.Slice((*float32)(atPageEnd(t, 4*m*cols)), m*cols)
					y := unsafe.Slice((*float32)(atPageEnd(t, 4*m*rows)), m*rows)
					Dots(y, rows, x, cols, m, w, true)
					for _, v := range y {
						if v != 0 {
							t.Fatalf("a product of zeros gave %v", v)
						}
					}
				}
			}
		}
	})
}

func TestMulRowsStayInTheirSlices(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		for _, n := range []int{5, 16, 40, 64} {
			const m, k = 7, 65
			a, b := unsafe.Slice((*float32)(atPageEnd(t, 4*m*k)), m*k), unsafe.Slice((*float32)(atPageEnd(t, 4*k*n)), k*n)
			c := unsafe.Slice((*float32)(atPageEnd(t, 4*m*n)), m*n)
			MulRows(c, n, a, k, m, b, n, n, k, false)
			for _, v := range c {
				if v != 0 {
					t.Fatalf("a product of zeros gave %v", v)
				}
			}
		}
	})
}
