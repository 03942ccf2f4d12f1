package blas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/stablelora/stablelora/internal/dtype"
)

// Implementation is gonum's BLAS with this package's products.
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
	shortX       = "blas: insufficient length of x"
	shortY       = "blas: insufficient length of y"
	zeroIncX     = "blas: zero x index increment"
	zeroIncY     = "blas: zero y index increment"
)

// Sgemm computes C = alpha·op(A)·op(B) + beta·C, with op(A) (m, k), op(B) (k, n).
//
// With alpha 1 and beta 0 or 1 each element is the chain of the package comment.
// Otherwise it is float32(alpha·t) + float32(beta·c), where t is the chain that
// starts at 0 and each operation is rounded. With beta 0 C is not read; with
// alpha 0 neither A nor B is.
func (Implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	checkGemm(tA, tB, m, n, k, a, lda, b, ldb, c, ldc)
	p := product{
		m: m, n: n, k: k, a: left{a, lda, 1},
		b: right{dtype: dtype.F32, f32: b, ld: ldb, trans: tB != blas.NoTrans},
		c: c, ldc: ldc, acc: beta == 1,
	}
	if tA != blas.NoTrans {
		p.a.rs, p.a.cs = 1, lda
	}
	p.scaled(alpha, beta)
}

// Sgemv computes y = alpha·op(A)·x + beta·y, with A (m, n), as Sgemm would.
func (Implementation) Sgemv(tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	lenX, lenY := m, n
	if tA == blas.NoTrans {
		lenX, lenY = n, m
	}
	checkGemv(tA, m, n, a, lda, x, incX, lenX, y, incY, lenY)
	if m == 0 || n == 0 {
		return
	}
	// yᵀ (1, lenY) = xᵀ (1, lenX) · op(A)ᵀ. A negative increment walks backwards
	// from the end of the vector; both are copied, to walk forwards in steps of 1.
	t := newScratch(lenX + lenY)
	xs, ys := t.data[:lenX], t.data[lenX:]
	gather(xs, x, incX)
	if beta != 0 {
		gather(ys, y, incY)
	}
	p := product{
		m: 1, n: lenY, k: lenX, a: left{xs, lenX, 1},
		b: right{dtype: dtype.F32, f32: a, ld: lda, trans: tA == blas.NoTrans},
		c: ys, ldc: lenY, acc: beta == 1,
	}
	p.scaled(alpha, beta)
	scatter(y, incY, ys)
	t.release()
}

// scaled computes C = alpha·A·B + beta·C; p.acc must be beta == 1.
func (p product) scaled(alpha, beta float32) {
	if alpha == 1 && (beta == 0 || beta == 1) {
		multiply(p)
		return
	}
	if p.m == 0 || p.n == 0 {
		return
	}
	t := newScratch(p.m * p.n)
	if alpha == 0 {
		clear(t.data)
	} else {
		q := p
		q.c, q.ldc, q.acc = t.data, p.n, false
		multiply(q)
	}
	for i := range p.m {
		c := p.c[i*p.ldc : i*p.ldc+p.n]
		for j, v := range t.data[i*p.n : (i+1)*p.n] {
			switch {
			case alpha == 0 && beta == 0:
				c[j] = 0
			case alpha == 0:
				c[j] = float32(beta * c[j])
			case beta == 0:
				c[j] = float32(alpha * v)
			default:
				c[j] = float32(alpha*v) + float32(beta*c[j])
			}
		}
	}
	t.release()
}

func gather(dst, src []float32, inc int) {
	at := 0
	if inc < 0 {
		at = (1 - len(dst)) * inc
	}
	for i := range dst {
		dst[i] = src[at]
		at += inc
	}
}

func scatter(dst []float32, inc int, src []float32) {
	at := 0
	if inc < 0 {
		at = (1 - len(src)) * inc
	}
	for _, v := range src {
		dst[at] = v
		at += inc
	}
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

func checkGemv(tA blas.Transpose, m, n int, a []float32, lda int, x []float32, incX, lenX int, y []float32, incY, lenY int) {
	checkTranspose(tA)
	require(m >= 0, mLT0)
	require(n >= 0, nLT0)
	require(lda >= max(1, n), badLdA)
	require(incX != 0, zeroIncX)
	require(incY != 0, zeroIncY)
	if m == 0 || n == 0 {
		return
	}
	require((lenX-1)*max(incX, -incX) < len(x), shortX)
	require((lenY-1)*max(incY, -incY) < len(y), shortY)
	require(len(a) >= lda*(m-1)+n, shortA)
}

func checkTranspose(t blas.Transpose) {
	require(t == blas.NoTrans || t == blas.Trans || t == blas.ConjTrans, badTranspose)
}

func require(ok bool, text string) {
	if !ok {
		panic(text)
	}
}
