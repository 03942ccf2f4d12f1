package tensor

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/blas"
)

// Every element of a product is one chain of fused multiply-adds, as package
// blas defines it, once blas.Install has been called.

// MulT computes y (N, out) = x (N, in) · wᵀ, with w (out, in).
func MulT(y, x Matrix, w *Weight) {
	if x.Cols != w.Cols || y.Rows != x.Rows || y.Cols != w.Rows {
		panic(fmt.Sprintf("tensor: MulT y %d x %d = x %d x %d · (%s %d x %d)ᵀ",
			y.Rows, y.Cols, x.Rows, x.Cols, w.Name, w.Rows, w.Cols))
	}
	mulT := blas.MulT
	if w.Compute == BF16 {
		mulT = blas.MulTBF16
	}
	mulT(y.Data, y.Stride, x.Data, x.Stride, x.Rows, w.Source, false)
}

// Mul computes dx (N, in) = [dx +] dy (N, out) · w, with w (out, in).
func Mul(dx, dy Matrix, w *Weight, acc bool) {
	if dy.Cols != w.Rows || dx.Rows != dy.Rows || dx.Cols != w.Cols {
		panic(fmt.Sprintf("tensor: Mul dx %d x %d = dy %d x %d · %s %d x %d",
			dx.Rows, dx.Cols, dy.Rows, dy.Cols, w.Name, w.Rows, w.Cols))
	}
	mul := blas.Mul
	if w.Compute == BF16 {
		mul = blas.MulBF16
	}
	mul(dx.Data, dx.Stride, dy.Data, dy.Stride, dy.Rows, w.Source, acc)
}

// MatMulT computes y (M, N) = [y +] x (M, K) · bᵀ, with b (N, K).
func MatMulT(y, x, b Matrix, acc bool) { FP32.MatMulT(y, x, b, acc) }

// MatMul computes y (M, N) = [y +] x (M, K) · b, with b (K, N).
func MatMul(y, x, b Matrix, acc bool) { FP32.MatMul(y, x, b, acc) }

// TMatMul computes y (M, N) = [y +] aᵀ · b, with a (K, M) and b (K, N). Each
// element's chain runs over the K rows in order: the gradient of a factor over
// the tokens of a sequence.
func TMatMul(y, a, b Matrix, acc bool) { FP32.TMatMul(y, a, b, acc) }

// SumSquares is the sum of the squared elements in float64, added in the order
// of rows and columns.
func SumSquares(m Matrix) float64 {
	sum := 0.0
	for i := range m.Rows {
		for _, v := range m.Row(i) {
			sum += float64(v) * float64(v)
		}
	}
	return sum
}
