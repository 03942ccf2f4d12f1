//go:build !noasm

package blas

import "github.com/stablelora/stablelora/internal/dtype"

// The kernels of AVX-512 by their rows of A.
var (
	dotsF32AVX512 = [...]func(steps, blocks int, w *float32, stream, step, ahead uintptr, a *float32, lda uintptr, c *float32, cs, ldc uintptr, acc bool){
		2:  dots4x2F32AVX512,
		3:  dots4x3F32AVX512,
		4:  dots4x4F32AVX512,
		5:  dots4x5F32AVX512,
		6:  dots4x6F32AVX512,
		7:  dots3x7F32AVX512,
		8:  dots3x8F32AVX512,
		9:  dots3x9F32AVX512,
		10: dots2x10F32AVX512,
		11: dots2x11F32AVX512,
		12: dots2x12F32AVX512,
	}
	dotsBF16AVX512 = [...]func(steps, blocks int, w *uint16, stream, step, ahead uintptr, a *float32, lda uintptr, c *float32, cs, ldc uintptr, acc bool){
		2:  dots4x2BF16AVX512,
		3:  dots4x3BF16AVX512,
		4:  dots4x4BF16AVX512,
		5:  dots4x5BF16AVX512,
		6:  dots4x6BF16AVX512,
		7:  dots3x7BF16AVX512,
		8:  dots3x8BF16AVX512,
		9:  dots3x9BF16AVX512,
		10: dots2x10BF16AVX512,
		11: dots2x11BF16AVX512,
		12: dots2x12BF16AVX512,
	}
	dotsF16AVX512 = [...]func(steps, blocks int, w *uint16, stream, step, ahead uintptr, a *float32, lda uintptr, c *float32, cs, ldc uintptr, acc bool){
		2:  dots4x2F16AVX512,
		3:  dots4x3F16AVX512,
		4:  dots4x4F16AVX512,
		5:  dots4x5F16AVX512,
		6:  dots4x6F16AVX512,
		7:  dots3x7F16AVX512,
		8:  dots3x8F16AVX512,
		9:  dots3x9F16AVX512,
		10: dots2x10F16AVX512,
		11: dots2x11F16AVX512,
		12: dots2x12F16AVX512,
	}
)

// multiplyWide is multiplyKernel with AVX-512.
func (d *dots) multiplyWide(j, steps, blocks int, stream, step, ahead uintptr, a *float32, lda uintptr, c *float32, cs, ldc uintptr, acc bool) {
	switch at := j * d.w.ld; d.w.dtype {
	case dtype.F32:
		dotsF32AVX512[d.m](steps, blocks, &d.w.f32[at], stream, step, ahead, a, lda, c, cs, ldc, acc)
	case dtype.BF16:
		dotsBF16AVX512[d.m](steps, blocks, &d.w.u16[at], stream, step, ahead, a, lda, c, cs, ldc, acc)
	default:
		dotsF16AVX512[d.m](steps, blocks, &d.w.u16[at], stream, step, ahead, a, lda, c, cs, ldc, acc)
	}
}
