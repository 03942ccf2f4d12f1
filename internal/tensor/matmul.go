package tensor

import (
	"fmt"

	gblas "gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

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
	blas.MulT(y.Data, y.Stride, x.Data, x.Stride, x.Rows, w.Source, false)
}

// Mul computes dx (N, in) = [dx +] dy (N, out) · w, with w (out, in).
func Mul(dx, dy Matrix, w *Weight, acc bool) {
	if dy.Cols != w.Rows || dx.Rows != dy.Rows || dx.Cols != w.Cols {
		panic(fmt.Sprintf("tensor: Mul dx %d x %d = dy %d x %d · %s %d x %d",
			dx.Rows, dx.Cols, dy.Rows, dy.Cols, w.Name, w.Rows, w.Cols))
	}
	blas.Mul(dx.Data, dx.Stride, dy.Data, dy.Stride, dy.Rows, w.Source, acc)
}

// MatMulT computes y (M, N) = [y +] x (M, K) · bᵀ, with b (N, K).
func MatMulT(y, x, b Matrix, acc bool) {
	if x.Cols != b.Cols || y.Rows != x.Rows || y.Cols != b.Rows {
		panic(fmt.Sprintf("tensor: MatMulT y %d x %d = x %d x %d · (b %d x %d)ᵀ", y.Rows, y.Cols, x.Rows, x.Cols, b.Rows, b.Cols))
	}
	gemm(gblas.NoTrans, gblas.Trans, y, x, b, x.Cols, acc)
}

// MatMul computes y (M, N) = [y +] x (M, K) · b, with b (K, N).
func MatMul(y, x, b Matrix, acc bool) {
	if x.Cols != b.Rows || y.Rows != x.Rows || y.Cols != b.Cols {
		panic(fmt.Sprintf("tensor: MatMul y %d x %d = x %d x %d · b %d x %d", y.Rows, y.Cols, x.Rows, x.Cols, b.Rows, b.Cols))
	}
	gemm(gblas.NoTrans, gblas.NoTrans, y, x, b, x.Cols, acc)
}

// TMatMul computes y (M, N) = [y +] aᵀ · b, with a (K, M) and b (K, N). Each
// element's chain runs over the K rows in order: the gradient of a factor over
// the tokens of a sequence.
func TMatMul(y, a, b Matrix, acc bool) {
	if a.Rows != b.Rows || y.Rows != a.Cols || y.Cols != b.Cols {
		panic(fmt.Sprintf("tensor: TMatMul y %d x %d = (a %d x %d)ᵀ · b %d x %d", y.Rows, y.Cols, a.Rows, a.Cols, b.Rows, b.Cols))
	}
	gemm(gblas.Trans, gblas.NoTrans, y, a, b, a.Rows, acc)
}

// gemm calls gonum's interface for shapes known to fit. BLAS wants strides of at
// least 1 and data of whole rows, which views with an empty side need not have:
// those products are done here.
func gemm(tA, tB gblas.Transpose, y, a, b Matrix, k int, acc bool) {
	if y.Rows == 0 || y.Cols == 0 {
		return
	}
	beta := float32(0)
	if acc {
		beta = 1
	}
	if k == 0 {
		if !acc {
			y.Zero()
		}
		return
	}
	blas32.Gemm(tA, tB, 1, general(a), general(b), beta, general(y))
}

func general(m Matrix) blas32.General {
	return blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Stride, Data: m.Data}
}

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
