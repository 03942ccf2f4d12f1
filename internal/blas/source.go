package blas

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/dtype"
)

// Source is a frozen weight matrix W (Rows, Cols), row-major, in its stored
// format: F32 holds the elements of a float32 matrix, U16 those of the others.
type Source struct {
	DType      dtype.DType
	Rows, Cols int
	F32        []float32
	U16        []uint16
}

// MulT computes C (m, Rows) = [C +] A (m, Cols) · Wᵀ, the forward product of a
// linear layer whose weight is W (out, in).
func MulT(c []float32, ldc int, a []float32, lda, m int, w Source, accumulate bool) {
	w.multiply("MulT", c, ldc, a, lda, m, true, accumulate, false)
}

// MulTBF16 is MulT with A and W rounded to bfloat16; see the package comment.
func MulTBF16(c []float32, ldc int, a []float32, lda, m int, w Source, accumulate bool) {
	w.multiply("MulTBF16", c, ldc, a, lda, m, true, accumulate, true)
}

// Mul computes C (m, Cols) = [C +] A (m, Rows) · W, the gradient with respect to
// a linear layer's input.
func Mul(c []float32, ldc int, a []float32, lda, m int, w Source, accumulate bool) {
	w.multiply("Mul", c, ldc, a, lda, m, false, accumulate, false)
}

// MulBF16 is Mul with A and W rounded to bfloat16; see the package comment.
func MulBF16(c []float32, ldc int, a []float32, lda, m int, w Source, accumulate bool) {
	w.multiply("MulBF16", c, ldc, a, lda, m, false, accumulate, true)
}

// multiply computes C (m, n) = [C +] A (m, k) · W, or · Wᵀ.
func (w *Source) multiply(op string, c []float32, ldc int, a []float32, lda, m int, trans, acc, bf16 bool) {
	k, n := w.Rows, w.Cols
	if trans {
		k, n = n, k
	}
	w.check(op, c, ldc, n, a, lda, k, m)
	multiply(product{
		m: m, n: n, k: k,
		a: left{a, lda, 1}, b: w.operand(trans), c: c, ldc: ldc, acc: acc, bf16: bf16,
	})
}

func (w *Source) operand(trans bool) right {
	return right{dtype: w.DType, f32: w.F32, u16: w.U16, ld: w.Cols, trans: trans}
}

// check panics if a slice is too short for a product with C (m, n) and A (m, k).
func (w *Source) check(op string, c []float32, ldc, n int, a []float32, lda, k, m int) {
	have := len(w.F32)
	if w.DType != dtype.F32 {
		have = len(w.U16)
	}
	if w.Rows < 0 || w.Cols < 0 || have < w.Rows*w.Cols {
		panic(fmt.Sprintf("blas: %s with a %v weight %d x %d of %d elements", op, w.DType, w.Rows, w.Cols, have))
	}
	if m < 0 || m > 0 && (lda < k || len(a) < (m-1)*lda+k) {
		panic(fmt.Sprintf("blas: %s with A %d x %d of stride %d in %d elements", op, m, k, lda, len(a)))
	}
	if m > 0 && (ldc < n || len(c) < (m-1)*ldc+n) {
		panic(fmt.Sprintf("blas: %s with C %d x %d of stride %d in %d elements", op, m, n, ldc, len(c)))
	}
}
