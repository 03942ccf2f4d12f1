package blas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/stablelora/stablelora/internal/dtype"
)

// Implementation is gonum's BLAS with this package's matrix product.
type Implementation struct{ gonum.Implementation }

var _ blas.Float32 = Implementation{}

// The texts of gonum's own panics.
const (
	badTranspose = "blas: illegal transpose"
	mLT0         = "blas: m < 0"
	nLT0         = "blas: n < 0"
	kLT0         = "blas: k < 0"
	badLdA       = "blas: bad leading dimension of A"
	badLdB       = "blas: bad leading dimension of B"
	badLdC       = "blas: bad leading dimension of C"
	shortA       = "blas: insufficient length of a"
	shortB       = "blas: insufficient length of b"
	shortC       = "blas: insufficient length of c"
)

// Sgemm computes C = alpha·op(A)·op(B) + beta·C, with op(A) (m, k), op(B) (k, n).
//
// With alpha 1 and beta 0 or 1 each element is the chain of the package comment;
// with beta 0 C is not read. Other factors, which nothing here asks for, are left
// to gonum.
func (g Implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if alpha != 1 || beta != 0 && beta != 1 {
		g.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	gemm(tA, tB, m, n, k, a, lda, b, ldb, c, ldc, beta == 1, false)
}

// gemm computes C = [C +] op(A)·op(B), of float32 numbers or of bfloat16 ones.
func gemm(tA, tB blas.Transpose, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc, bf16 bool) {
	checkGemm(tA, tB, m, n, k, a, lda, b, ldb, c, ldc)
	p := product{
		m: m, n: n, k: k, a: left{a, lda, 1},
		b: right{dtype: dtype.F32, f32: b, ld: ldb, trans: tB != blas.NoTrans},
		c: c, ldc: ldc, acc: acc, bf16: bf16,
	}
	if tA != blas.NoTrans {
		p.a.rs, p.a.cs = 1, lda
	}
	multiply(p)
}

// checkGemm makes gonum's argument checks.
func checkGemm(tA, tB blas.Transpose, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	checkTranspose(tA)
	checkTranspose(tB)
	require(m >= 0, mLT0)
	require(n >= 0, nLT0)
	require(k >= 0, kLT0)
	rowsA, colsA := m, k
	if tA != blas.NoTrans {
		rowsA, colsA = k, m
	}
	rowsB, colsB := k, n
	if tB != blas.NoTrans {
		rowsB, colsB = n, k
	}
	require(lda >= max(1, colsA), badLdA)
	require(ldb >= max(1, colsB), badLdB)
	require(ldc >= max(1, n), badLdC)
	if m == 0 || n == 0 {
		return
	}
	require(len(a) >= (rowsA-1)*lda+colsA, shortA)
	require(len(b) >= (rowsB-1)*ldb+colsB, shortB)
	require(len(c) >= (m-1)*ldc+n, shortC)
}

func checkTranspose(t blas.Transpose) {
	require(t == blas.NoTrans || t == blas.Trans || t == blas.ConjTrans, badTranspose)
}

func require(ok bool, text string) {
	if !ok {
		panic(text)
	}
}
