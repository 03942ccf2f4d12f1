package blas

import (
	"gonum.org/v1/gonum/blas"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/fma"
)

// GemmBF16 computes C = [C +] op(A)·op(B) with A and B rounded to bfloat16, op(A)
// (m, k) and op(B) (k, n); see the package comment. It checks its arguments as
// Sgemm does.
func GemmBF16(tA, tB blas.Transpose, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, accumulate bool) {
	gemm(tA, tB, m, n, k, a, lda, b, ldb, c, ldc, accumulate, true)
}

// roundToBF16 rounds x as VCVTNE2PS2BF16 does: to nearest even, a subnormal x to
// the zero of its sign, a NaN cut off and made quiet.
func roundToBF16(x float32) float32 { return dtype.FromBF16(dtype.ToBF16(fma.Flush(x))) }

// roundBF16 rounds the elements of a panel to bfloat16 values.
func (k *kernel) roundBF16(panel []float32) {
	done := k.roundWide(panel)
	done += k.roundBlocks(panel[done:])
	for i := done; i < len(panel); i++ {
		panel[i] = roundToBF16(panel[i])
	}
}
