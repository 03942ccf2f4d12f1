package optim

import (
	"math"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"

	"github.com/stablelora/stablelora/internal/tensor"
	"github.com/stablelora/stablelora/internal/vec"
)

// Matrices of R rows and columns are float64, and decomposed by gonum.

// gramOfRows is X·Xᵀ of X (R, n).
func gramOfRows(x tensor.Matrix) *mat.SymDense {
	g := mat.NewSymDense(x.Rows, nil)
	for i := range x.Rows {
		for j := i; j < x.Rows; j++ {
			g.SetSym(i, j, vec.Dot(x.Row(i), x.Row(j)))
		}
	}
	return g
}

// gramOfColumns is Xᵀ·X of X (m, R). The products are exact.
func gramOfColumns(x tensor.Matrix) *mat.SymDense {
	r := x.Cols
	sum := make([]float64, r*r)
	for row := range x.Rows {
		v := x.Row(row)
		for i, a := range v {
			s := sum[i*r : i*r+r]
			for j := i; j < r; j++ {
				s[j] += float64(a) * float64(v[j])
			}
		}
	}
	return mat.NewSymDense(r, sum) // which reads the upper triangle
}

// rowProducts is X·Yᵀ of X and Y (R, n).
func rowProducts(x, y tensor.Matrix) *mat.Dense {
	p := mat.NewDense(x.Rows, y.Rows, nil)
	for i := range x.Rows {
		for j := range y.Rows {
			p.Set(i, j, vec.Dot(x.Row(i), y.Row(j)))
		}
	}
	return p
}

// eigen returns the eigenvalues of s in ascending order and the eigenvectors as
// columns.
func eigen(s *mat.SymDense) ([]float64, *mat.Dense) {
	var e mat.EigenSym
	if !e.Factorize(s, true) {
		panic("optim: no eigenvalues of a symmetric matrix; it holds a NaN")
	}
	var q mat.Dense
	e.VectorsTo(&q)
	return e.Values(nil), &q
}

// spectral is Q·diag(f(w))·Qᵀ.
func spectral(w []float64, q *mat.Dense, f func(float64) float64) *mat.Dense {
	var scaled, out mat.Dense
	scaled.Apply(func(_, j int, v float64) float64 { return v * f(w[j]) }, q)
	out.Mul(&scaled, q.T())
	return &out
}

// product is a·b·c.
func product(a, b, c mat.Matrix) *mat.Dense {
	var out mat.Dense
	out.Product(a, b, c)
	return &out
}

// symmetric is (d + dᵀ)/2.
func symmetric(d *mat.Dense) *mat.SymDense {
	k, _ := d.Dims()
	s := mat.NewSymDense(k, nil)
	for i := range k {
		for j := i; j < k; j++ {
			s.SetSym(i, j, (d.At(i, j)+d.At(j, i))/2)
		}
	}
	return s
}

// lq decomposes X (R, n) = L·Q with K = min(R, n): L is (R, K), the rows of Q
// (K, n) are orthonormal whatever X is. It is the QR decomposition of Xᵀ,
// transposed. X is overwritten.
func lq(x *mat.Dense) (l *mat.Dense, q tensor.Matrix) {
	r, n := x.Dims()
	k := min(r, n)
	raw := x.RawMatrix()
	tau, work := make([]float64, k), make([]float64, 1)
	lapack64.Gelqf(raw, tau, work, -1)
	work = make([]float64, int(work[0]))
	lapack64.Gelqf(raw, tau, work, len(work))
	l = mat.NewDense(r, k, nil)
	for i := range r {
		for j := range min(i+1, k) {
			l.Set(i, j, x.At(i, j))
		}
	}
	top := blas64.General{Rows: k, Cols: n, Stride: raw.Stride, Data: raw.Data}
	lapack64.Orglq(top, tau, work, -1)
	if need := int(work[0]); need > len(work) {
		work = make([]float64, need)
	}
	lapack64.Orglq(top, tau, work, len(work))
	return l, narrow(x.Slice(0, k, 0, n).(*mat.Dense), 1)
}

// pinv is the pseudo-inverse of l (R, K). Singular values below the float32
// rounding of the largest are noise, since l comes from a float32 matrix, and
// count as 0.
func pinv(l *mat.Dense) *mat.Dense {
	r, k := l.Dims()
	var d mat.SVD
	if !d.Factorize(l, mat.SVDThin) {
		panic("optim: no singular values of a matrix; it holds a NaN")
	}
	var u, v, out mat.Dense
	d.UTo(&u)
	d.VTo(&v)
	s := d.Values(nil)
	cut := max(float64(max(r, k))*0x1p-23*s[0], 0x1p-126)
	v.Apply(func(_, j int, x float64) float64 {
		if s[j] <= cut {
			return 0
		}
		return x / s[j]
	}, &v)
	out.Mul(&v, u.T())
	return &out
}

// widen copies m, or its transpose.
func widen(m tensor.Matrix, transpose bool) *mat.Dense {
	if transpose {
		d := mat.NewDense(m.Cols, m.Rows, nil)
		for i := range m.Rows {
			for j, v := range m.Row(i) {
				d.Set(j, i, float64(v))
			}
		}
		return d
	}
	d := mat.NewDense(m.Rows, m.Cols, nil)
	for i := range m.Rows {
		row := d.RawRowView(i)
		for j, v := range m.Row(i) {
			row[j] = float64(v)
		}
	}
	return d
}

// narrow is scale·d rounded to finite float32 values: NaN becomes 0, what is too
// large the largest number.
func narrow(d *mat.Dense, scale float64) tensor.Matrix {
	m := tensor.New(d.Dims())
	for i := range m.Rows {
		row := m.Row(i)
		for j, v := range d.RawRowView(i) {
			row[j] = finite32(scale * v)
		}
	}
	return m
}

func finite32(x float64) float32 {
	if math.IsNaN(x) {
		return 0
	}
	return float32(max(-math.MaxFloat32, min(x, math.MaxFloat32)))
}
