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
	maxDepth           int // k steps of one block
	chunkSize          int // floats of B packed at a time by each worker
	blockRows          int // rows of A that stay in the second-level cache
}

// kernelFor is the kernel on the set in use for a product with n columns, of
// float32 numbers or of bfloat16 ones. A panel of B is 32 KiB, a chunk 128 KiB.
func kernelFor(n int, bf16 bool) kernel {
	return kernel{set: isa.Current(), tileRows: 6, tileCols: 16, maxDepth: 512, chunkSize: 64 * 512, blockRows: 144}
}

// Kernel is the name of the kernel in use.
func Kernel() string { return isa.Current().String() }
