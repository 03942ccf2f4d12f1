package tensor

import (
	"fmt"

	gblas "gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/stablelora/stablelora/internal/blas"
)

// Compute is the arithmetic of a product: that of float32 inputs, or that of
// inputs rounded to bfloat16. Sums are float32 in both; see package blas.
type Compute int

// The arithmetics, by their names in a configuration.
const (
	FP32 Compute = iota
	BF16
)

var computeNames = []string{"fp32", "bf16"}

// String returns the name.
func (c Compute) String() string { return computeNames[c] }

// ParseCompute returns the arithmetic of a name.
func ParseCompute(name string) (Compute, error) {
	for i, n := range computeNames {
		if n == name {
			return Compute(i), nil
		}
	}
	return 0, fmt.Errorf("must be fp32 or bf16, not %q", name)
}

// MatMulT is the package's function of that name in this arithmetic.
func (c Compute) MatMulT(y, x, b Matrix, acc bool) {
	if x.Cols != b.Cols || y.Rows != x.Rows || y.Cols != b.Rows {
		panic(fmt.Sprintf("tensor: MatMulT y %d x %d = x %d x %d · (b %d x %d)ᵀ", y.Rows, y.Cols, x.Rows, x.Cols, b.Rows, b.Cols))
	}
	c.gemm(gblas.NoTrans, gblas.Trans, y, x, b, x.Cols, acc)
}

// MatMul is the package's function of that name in this arithmetic.
func (c Compute) MatMul(y, x, b Matrix, acc bool) {
	if x.Cols != b.Rows || y.Rows != x.Rows || y.Cols != b.Cols {
		panic(fmt.Sprintf("tensor: MatMul y %d x %d = x %d x %d · b %d x %d", y.Rows, y.Cols, x.Rows, x.Cols, b.Rows, b.Cols))
	}
	c.gemm(gblas.NoTrans, gblas.NoTrans, y, x, b, x.Cols, acc)
}

// TMatMul is the package's function of that name in this arithmetic.
func (c Compute) TMatMul(y, a, b Matrix, acc bool) {
	if a.Rows != b.Rows || y.Rows != a.Cols || y.Cols != b.Cols {
		panic(fmt.Sprintf("tensor: TMatMul y %d x %d = (a %d x %d)ᵀ · b %d x %d", y.Rows, y.Cols, a.Rows, a.Cols, b.Rows, b.Cols))
	}
	c.gemm(gblas.Trans, gblas.NoTrans, y, a, b, a.Rows, acc)
}

// gemm computes products of shapes known to fit. BLAS wants strides of at least 1
// and data of whole rows, which views with an empty side need not have: those
// products are done here.
func (c Compute) gemm(tA, tB gblas.Transpose, y, a, b Matrix, k int, acc bool) {
	switch {
	case y.Rows == 0 || y.Cols == 0:
	case k == 0:
		if !acc {
			y.Zero()
		}
	case c == BF16:
		blas.GemmBF16(tA, tB, y.Rows, y.Cols, k, a.Data, a.Stride, b.Data, b.Stride, y.Data, y.Stride, acc)
	default:
		beta := float32(0)
		if acc {
			beta = 1
		}
		blas32.Gemm(tA, tB, 1, general(a), general(b), beta, general(y))
	}
}

func general(m Matrix) blas32.General {
	return blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Stride, Data: m.Data}
}
