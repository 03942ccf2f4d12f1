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
	kernels := &narrowDots
	if isa.Current() >= isa.AVX512 {
		kernels = &wideDots
	}
	blocks, a, row := d.k/lanes, &d.a[0], d.w.dtype.Size()*d.w.ld
	stream, step, ahead := uintptr(apart*row), uintptr(row), uintptr(d.ahead*row)
	lda, csBytes, ldcBytes := uintptr(4*d.lda), uintptr(4*cs), uintptr(4*ldc)
	switch at := j * d.w.ld; d.w.dtype {
	case dtype.F32:
		kernels.f32[d.m](steps, blocks, &d.w.f32[at], stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
	case dtype.BF16:
		kernels.bf16[d.m](steps, blocks, &d.w.u16[at], stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
	default:
		kernels.f16[d.m](steps, blocks, &d.w.u16[at], stream, step, ahead, a, lda, c, csBytes, ldcBytes, acc)
	}
}

// dotKernels are the kernels by their rows of A.
type dotKernels struct {
	f32       []dotKernel[float32]
	bf16, f16 []dotKernel[uint16]
}

type dotKernel[W float32 | uint16] func(steps, blocks int, w *W, stream, step, ahead uintptr, a *float32, lda uintptr, c *float32, cs, ldc uintptr, acc bool)

// narrowDots are those of AVX2 or NEON.
var narrowDots = dotKernels{
	f32:  []dotKernel[float32]{1: dots4x1F32Kernel, dots2x2F32Kernel, dots2x3F32Kernel},
	bf16: []dotKernel[uint16]{1: dots4x1BF16Kernel, dots2x2BF16Kernel, dots2x3BF16Kernel},
	f16:  []dotKernel[uint16]{1: dots4x1F16Kernel, dots2x2F16Kernel, dots2x3F16Kernel},
}
