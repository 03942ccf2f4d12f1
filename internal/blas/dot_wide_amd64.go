//go:build !noasm

package blas

// wideDots are those of AVX-512; a single row waits for memory with either set.
var wideDots = dotKernels{
	f32: []dotKernel[float32]{
		1: dots4x1F32Kernel,
		dots4x2F32AVX512, dots4x3F32AVX512, dots4x4F32AVX512, dots4x5F32AVX512, dots4x6F32AVX512,
		dots3x7F32AVX512, dots3x8F32AVX512, dots3x9F32AVX512,
		dots2x10F32AVX512, dots2x11F32AVX512, dots2x12F32AVX512,
	},
	bf16: []dotKernel[uint16]{
		1: dots4x1BF16Kernel,
		dots4x2BF16AVX512, dots4x3BF16AVX512, dots4x4BF16AVX512, dots4x5BF16AVX512, dots4x6BF16AVX512,
		dots3x7BF16AVX512, dots3x8BF16AVX512, dots3x9BF16AVX512,
		dots2x10BF16AVX512, dots2x11BF16AVX512, dots2x12BF16AVX512,
	},
	f16: []dotKernel[uint16]{
		1: dots4x1F16Kernel,
		dots4x2F16AVX512, dots4x3F16AVX512, dots4x4F16AVX512, dots4x5F16AVX512, dots4x6F16AVX512,
		dots3x7F16AVX512, dots3x8F16AVX512, dots3x9F16AVX512,
		dots2x10F16AVX512, dots2x11F16AVX512, dots2x12F16AVX512,
	},
}
