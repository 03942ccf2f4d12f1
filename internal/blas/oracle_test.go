package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/fma"
	"github.com/stablelora/stablelora/internal/isa"
	"github.com/stablelora/stablelora/internal/parallel"
)

// withKernel runs f for every kernel of this machine, on 1 and 2 threads.
func withKernel(t *testing.T, f func(t *testing.T)) {
	threads, set := parallel.Threads(), isa.Current()
	defer func() { parallel.SetThreads(threads); isa.Use(set) }()
	for _, s := range isa.Available() {
		isa.Use(s)
		for _, n := range []int{1, 2} {
			parallel.SetThreads(n)
			t.Run(fmt.Sprintf("%s/%d", Kernel(), n), f)
		}
	}
}

// useKernel chooses a kernel for the rest of the test by number.
func useKernel(t *testing.T, n int) {
	set, sets := isa.Current(), isa.Available()
	t.Cleanup(func() { isa.Use(set) })
	isa.Use(sets[n%len(sets)])
}

// guard is written where a product must not write.
const guard = 0x7fc0dead

// guarded is a matrix inside a larger slice of guard words: pad of them before
// it, stride-cols after each row, 32 at the end.
type guarded struct {
	rows, cols, stride int
	data               []float32 // from the first element on
	all                []float32
}

func newGuarded(rows, cols, stride, pad int, r *rand.Rand) *guarded {
	stride = max(1, stride)
	all := make([]float32, pad+rows*stride+32)
	for i := range all {
		all[i] = math.Float32frombits(guard)
	}
	g := &guarded{rows, cols, stride, all[pad:], all}
	for i := range rows {
		for j := range cols {
			g.data[i*stride+j] = float32(r.NormFloat64())
		}
	}
	return g
}

func (g *guarded) clone() *guarded {
	h := *g
	h.all = append([]float32(nil), g.all...)
	h.data = h.all[len(g.all)-len(g.data):]
	return &h
}

// diff describes the first word, guards included, in which g is not want; any
// two NaN are equal.
func (g *guarded) diff(want *guarded) string {
	pad := len(g.all) - len(g.data)
	for i, w := range want.all {
		x := g.all[i]
		if math.Float32bits(x) != math.Float32bits(w) && (x == x || w == w || math.Float32bits(w) == guard) {
			return fmt.Sprintf("at row %d, column %d of %d x %d: %x (%#x), want %x (%#x)", (i-pad)/g.stride, (i-pad)%g.stride,
				g.rows, g.cols, x, math.Float32bits(x), w, math.Float32bits(w))
		}
	}
	return ""
}

// oracle computes C = [C +] op(A)·op(B) as the package comment defines it.
func oracle(c *guarded, a, b func(i, j int) float32, k int, acc bool) {
	for i := range c.rows {
		for j := range c.cols {
			x := float32(0)
			if acc {
				x = c.data[i*c.stride+j]
			}
			for p := range k {
				x = fma.F32(a(i, p), b(p, j), x)
			}
			c.data[i*c.stride+j] = x
		}
	}
}

// element reads a matrix or its transpose.
func (g *guarded) element(trans bool) func(i, j int) float32 {
	if trans {
		return func(i, j int) float32 { return g.data[j*g.stride+i] }
	}
	return func(i, j int) float32 { return g.data[i*g.stride+j] }
}

// gemmCase is one product; checkGemmCase compares it with the oracle.
type gemmCase struct {
	m, n, k    int
	tA, tB     bool
	acc        bool
	extra, pad int // how much strides exceed widths; guard words before the data
}

func checkGemmCase(t *testing.T, g gemmCase, r *rand.Rand) {
	t.Helper()
	rowsA, colsA, rowsB, colsB := g.m, g.k, g.k, g.n
	if g.tA {
		rowsA, colsA = g.k, g.m
	}
	if g.tB {
		rowsB, colsB = g.n, g.k
	}
	a := newGuarded(rowsA, colsA, colsA+g.extra, g.pad, r)
	b := newGuarded(rowsB, colsB, colsB+2*g.extra, g.pad/3, r)
	c := newGuarded(g.m, g.n, g.n+3*g.extra, g.pad*7%16, r)
	beta := float32(1)
	if !g.acc { // C must not be read
		beta = 0
		for i := range g.m {
			for j := range g.n {
				c.data[i*c.stride+j] = float32(math.NaN())
			}
		}
	}
	want, a0, b0 := c.clone(), a.clone(), b.clone()
	oracle(want, a.element(g.tA), b.element(g.tB), g.k, g.acc)
	Implementation{}.Sgemm(trans(g.tA), trans(g.tB), g.m, g.n, g.k, 1, a.data, a.stride, b.data, b.stride, beta, c.data, c.stride)
	if d := c.diff(want); d != "" {
		t.Fatalf("%+v: C %s", g, d)
	}
	if a.diff(a0) != "" || b.diff(b0) != "" {
		t.Fatalf("%+v: an operand was changed", g)
	}
}

func trans(t bool) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}

// source stores a copy of w (rows, cols) in a format, with pad elements before
// it, and rounds w to that format.
func source(w *guarded, d dtype.DType, pad int) Source {
	s := Source{DType: d, Rows: w.rows, Cols: w.cols}
	if d == dtype.F32 {
		f := make([]float32, pad+len(w.data))
		copy(f[pad:], w.data)
		s.F32 = f[pad : pad+w.rows*w.cols]
		return s
	}
	s.U16 = make([]uint16, pad+w.rows*w.cols)[pad:]
	for i := range s.U16 {
		s.U16[i] = d.Encoder()(w.data[i])
		w.data[i] = d.Decoder()(s.U16[i])
	}
	return s
}
