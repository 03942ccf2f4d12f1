package tensor

import (
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/dtype"
)

func TestMain(m *testing.M) {
	if _, err := blas.Install(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// fill writes multiples of 1/8 between -4 and 4: products and sums of a few
// hundred of them are exact, so that any right order gives the same value.
func fill(m Matrix, r *rand.Rand) Matrix {
	for i := range m.Rows {
		for j := range m.Row(i) {
			m.Row(i)[j] = float32(r.IntN(65)-32) / 8
		}
	}
	return m
}

// view returns a random matrix inside a wider one.
func view(rows, cols, extra int, r *rand.Rand) Matrix {
	return fill(New(rows, cols+extra).ColRange(extra, extra+cols), r)
}

func transpose(m Matrix) Matrix {
	t := New(m.Cols, m.Rows)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			t.Row(j)[i] = v
		}
	}
	return t
}

// naive is [y +] a·b.
func naive(y, a, b Matrix, acc bool) Matrix {
	out := New(a.Rows, b.Cols)
	for i := range a.Rows {
		for j := range b.Cols {
			sum := float32(0)
			if acc {
				sum = y.Row(i)[j]
			}
			for k, v := range a.Row(i) {
				sum += v * b.Row(k)[j]
			}
			out.Row(i)[j] = sum
		}
	}
	return out
}

func mustEqual(t *testing.T, what string, got, want Matrix) {
	t.Helper()
	if got.Rows != want.Rows || got.Cols != want.Cols {
		t.Fatalf("%s is %d x %d, want %d x %d", what, got.Rows, got.Cols, want.Rows, want.Cols)
	}
	for i := range got.Rows {
		for j, v := range got.Row(i) {
			if w := want.Row(i)[j]; math.Float32bits(v) != math.Float32bits(w) {
				t.Fatalf("%s[%d, %d] = %v, want %v", what, i, j, v, w)
			}
		}
	}
}

var shapes = [][3]int{{1, 1, 1}, {5, 7, 3}, {16, 24, 8}, {33, 9, 70}, {0, 5, 3}, {4, 0, 3}, {4, 5, 0}, {0, 0, 0}}

func TestProducts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, s := range shapes {
		for mask := range 4 {
			m, n, k, acc, extra := s[0], s[1], s[2], mask&1 != 0, mask&2
			x, b, y := view(m, k, extra, r), view(k, n, 2*extra, r), view(m, n, extra, r)
			want := naive(y, x, b, acc)
			start := New(m, n)
			start.CopyFrom(y)

			MatMul(y, x, b, acc)
			mustEqual(t, "MatMul", y, want)
			y.CopyFrom(start)
			MatMulRows(y, x, b, acc)
			mustEqual(t, "MatMulRows", y, want)
			y.CopyFrom(start)
			MatMulT(y, x, transpose(b), acc)
			mustEqual(t, "MatMulT", y, want)
			y.CopyFrom(start)
			MatDots(y, x, transpose(b), acc)
			mustEqual(t, "MatDots", y, want)
			y.CopyFrom(start)
			TMatMul(y, transpose(x), b, acc)
			mustEqual(t, "TMatMul", y, want)

			for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} { // exact in all three
				y.CopyFrom(start)
				Mul(y, x, weight(d, b), acc)
				mustEqual(t, "Mul "+d.String(), y, want)
				if !acc {
					MulT(y, x, weight(d, transpose(b)))
					mustEqual(t, "MulT "+d.String(), y, want)
					y.CopyFrom(start)
					Dots(y, x, weight(d, transpose(b)))
					mustEqual(t, "Dots "+d.String(), y, want)
				}
			}
		}
	}
}

// weight stores a matrix in a format.
func weight(d dtype.DType, m Matrix) *Weight {
	w := NewWeight("w", blas.Source{DType: d, Rows: m.Rows, Cols: m.Cols})
	for i := range m.Rows {
		for _, v := range m.Row(i) {
			if d == dtype.F32 {
				w.F32 = append(w.F32, v)
			} else {
				w.U16 = append(w.U16, d.Encoder()(v))
			}
		}
	}
	return w
}

func TestEmptyViews(t *testing.T) {
	b := fill(New(4, 5), rand.New(rand.NewPCG(2, 2)))
	none := b.RowRange(2, 2) // no data at all
	y := fill(New(5, 5), rand.New(rand.NewPCG(3, 3)))
	MatMul(none, New(0, 4), b, false)
	MatMulT(none, none, New(5, 5), true)
	Mul(none, New(0, 4), weight(dtype.BF16, b), false)
	MulT(New(0, 4), none, weight(dtype.F32, b))
	Dots(New(0, 4), none, weight(dtype.F32, b))
	MatDots(none, none, New(5, 5), true)
	MatMulRows(none, New(0, 4), b, false)
	MatMulRows(y, New(5, 0), none, false)
	mustEqual(t, "MatMulRows", y, New(5, 5))
	TMatMul(y, none, none, false) // a sum over no rows
	mustEqual(t, "TMatMul", y, New(5, 5))
}

func TestWeightRow(t *testing.T) {
	m := fill(New(3, 6), rand.New(rand.NewPCG(4, 4)))
	for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
		got := New(3, 6)
		for i := range 3 {
			weight(d, m).Row(i, got.Row(i))
		}
		mustEqual(t, "rows of "+d.String(), got, m)
	}
}

func TestShapePanics(t *testing.T) {
	w := weight(dtype.F32, New(4, 3))
	for name, c := range map[string]struct {
		f    func()
		want []string
	}{
		"MulT":    {func() { MulT(New(2, 4), New(2, 5), w) }, []string{"2 x 5", "4 x 3", "w"}},
		"Mul":     {func() { Mul(New(2, 4), New(2, 4), w, false) }, []string{"dx 2 x 4", "4 x 3"}},
		"MatMul":  {func() { MatMul(New(2, 4), New(2, 3), New(4, 3), false) }, []string{"x 2 x 3", "b 4 x 3"}},
		"MatMulT": {func() { MatMulT(New(3, 4), New(2, 3), New(4, 3), false) }, []string{"y 3 x 4", "x 2 x 3"}},
		"Dots":    {func() { Dots(New(2, 4), New(2, 5), w) }, []string{"2 x 5", "4 x 3", "w"}},
		"MatDots": {func() { MatDots(New(3, 4), New(2, 3), New(4, 3), false) }, []string{"y 3 x 4", "x 2 x 3"}},
		"Rows":    {func() { MatMulRows(New(2, 4), New(2, 3), New(4, 3), false) }, []string{"x 2 x 3", "b 4 x 3"}},
		"TMatMul": {func() { TMatMul(New(2, 4), New(3, 2), New(2, 4), false) }, []string{"a 3 x 2", "b 2 x 4"}},
		"Row":     {func() { w.Row(4, make([]float32, 3)) }, []string{"row 4", "w", "4 x 3"}},
	} {
		func() {
			defer func() {
				text, _ := recover().(string)
				for _, want := range c.want {
					if !strings.Contains(text, want) {
						t.Errorf("%s: panic %q does not name %q", name, text, want)
					}
				}
			}()
			c.f()
		}()
	}
}

func TestSumSquares(t *testing.T) {
	m := New(3, 4).ColRange(1, 3)
	copy(m.Row(0), []float32{1e20, 1})
	copy(m.Row(2), []float32{-2, 3})
	if got, want := SumSquares(m), float64(float32(1e20))*float64(float32(1e20))+14; got != want {
		t.Errorf("SumSquares = %v, want %v", got, want)
	}
	if got := SumSquares(Matrix{Cols: 3, Stride: 3}); got != 0 {
		t.Errorf("SumSquares of no rows = %v", got)
	}
}
