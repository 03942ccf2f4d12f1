package blas

import (
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/stablelora/stablelora/internal/isa"
)

//go:generate go -C _gen run . -out ../gemm_amd64.s -stubs ../gemm_amd64.go -pkg blas
//go:generate go -C _gen run ./dot -out ../dot_amd64.s -stubs ../dot_amd64.go -pkg blas
//go:generate go -C ../_neon run ./blas -out ../blas/gemm_arm64.s -stubs ../blas/gemm_arm64.go -pkg blas

// Install makes gonum's blas32 compute with this package, on the instruction set
// that isa.Variable names or the best there is, and returns its name. It is
// meant to be called once, before any product.
func Install() (kernel string, err error) {
	if err := isa.Choose(); err != nil {
		return "", err
	}
	blas32.Use(Implementation{})
	return Kernel(), nil
}

// kernel is how an instruction set computes a product: the tile of C that it
// keeps in registers, and the blocking around it.
type kernel struct {
	set                isa.Set
	tileRows, tileCols int
	wordSteps          int // k steps in a 32-bit word of a panel: 1, or 2 where words are pairs of bfloat16
	maxDepth           int // words of one block
	chunkSize          int // floats of B packed at a time by each worker
	blockRows          int // rows of A that stay in the second-level cache, in whole tiles
}

// kernelFor is the kernel on the set in use for C (m, n), a product of float32
// numbers or of bfloat16 ones.
func kernelFor(m, n int, bf16 bool) kernel {
	set := isa.Current()
	if set < isa.AVX512 || n <= 16 && !(bf16 && set == isa.AVX512BF16) {
		return narrowKernel()
	}
	wide := kernel{set: isa.AVX512, tileRows: 14, tileCols: 32, wordSteps: 1, maxDepth: 1024, chunkSize: 128 * 1024, blockRows: 140}
	if m > wide.tileRows { // panels of like height
		wide.tileRows = ceilDiv(m, ceilDiv(m, wide.tileRows))
		wide.blockRows = wide.blockRows / wide.tileRows * wide.tileRows
	}
	if bf16 && set == isa.AVX512BF16 {
		wide.set, wide.wordSteps = isa.AVX512BF16, 2
		wide.maxDepth /= 2
		wide.chunkSize /= 2
	}
	return wide
}

// narrowKernel is the kernel on the set in use or on AVX2, whichever is less. A
// panel of B is 32 KiB, a chunk 128 KiB.
func narrowKernel() kernel {
	return kernel{
		set: min(isa.Current(), isa.AVX2), tileRows: 6, tileCols: 16,
		wordSteps: 1, maxDepth: 512, chunkSize: 64 * 512, blockRows: 144,
	}
}

// Kernel is the name of the kernel in use.
func Kernel() string { return isa.Current().String() }
