//go:build (amd64 || arm64) && !noasm

package blas

import (
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/isa"
)

// hasDotKernel says that dots.multiply takes weights as they are stored.
func hasDotKernel() bool { return isa.Current() != isa.Portable }

// multiply computes C for a group of A's rows over whole blocks.
func (d *dots) multiply() {
	if !hasDotKernel() {
		d.multiplyGeneric()
		return
	}
	streams := dotStreams(d.m)
	steps := d.n / streams
	if steps > 0 {
		d.multiplyKernel(0, steps, steps, &d.c[0], steps, d.ldc, d.acc)
	}
	if steps*streams == d.n {
		return
	}
	c := newScratch(4 * d.m)
	for j := steps * streams; j < d.n; j++ { // the same row in every stream
		d.multiplyKernel(j, 1, 0, &c.data[0], 1, 4, false)
		for i := range d.m {
			d.put(i, j, c.data[4*i])
		}
	}
	c.release()
}

// multiplyKernel calls the kernel for d.m rows of A and for steps rows of W from
// row j on in each of its streams, which are `apart` rows apart. Their sums go
// to columns cs apart of C.
func (d *dots) multiplyKernel(j, steps, apart int, c *float32, cs, ldc int, acc bool) {
	blocks, a, row := d.k/lanes, &d.a[0], d.w.dtype.Size()*d.w.ld
	stream, step, ahead := uintptr(apart*row), uintptr(row), uintptr(d.ahead*row)
	lda, csBytes, ldcBytes := uintptr(4*d.lda), uintptr(4*cs), uintptr(4*ldc)
	if d.m > 1 && isa.Current() >= isa.AVX512 {
		d.multiplyWide(j, steps, blocks, stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
		return
	}
	if d.w.dtype == dtype.F32 {
		w := &d.w.f32[j*d.w.ld]
		switch d.m {
		case 1:
			dots4x1F32Kernel(steps, blocks, w, stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
		case 2:
			dots2x2F32Kernel(steps, blocks, w, stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
		default:
			dots2x3F32Kernel(steps, blocks, w, stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
		}
		return
	}
	w := &d.w.u16[j*d.w.ld]
	switch {
	case d.w.dtype == dtype.BF16 && d.m == 1:
		dots4x1BF16Kernel(steps, blocks, w, stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
	case d.w.dtype == dtype.BF16 && d.m == 2:
		dots2x2BF16Kernel(steps, blocks, w, stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
	case d.w.dtype == dtype.BF16:
		dots2x3BF16Kernel(steps, blocks, w, stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
	case d.m == 1:
		dots4x1F16Kernel(steps, blocks, w, stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
	case d.m == 2:
		dots2x2F16Kernel(steps, blocks, w, stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
	default:
		dots2x3F16Kernel(steps, blocks, w, stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
	}
}
