package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/stablelora/stablelora/internal/fma"
	"github.com/stablelora/stablelora/internal/isa"
)

func TestGemmScaled(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	m, n, k := 7, 19, 11
	a, b := newGuarded(m, k, k+1, 2, r), newGuarded(k, n, n+2, 3, r)
	nan := float32(math.NaN())
	for _, alpha := range []float32{0, 1, -1, 0.3} {
		for _, beta := range []float32{0, 1, 2.7} {
			c := newGuarded(m, n, n+3, 4, r)
			want := newGuarded(m, n, n+3, 4, r)
			oracle(want, a.element(false), b.element(false), k, false)
			for i := range m {
				for j := range n {
					x := &want.data[i*want.stride+j]
					switch old := c.data[i*c.stride+j]; {
					case alpha == 1 && beta == 1:
						chain := old
						for p := range k {
							chain = fma.F32(a.data[i*a.stride+p], b.data[p*b.stride+j], chain)
						}
						*x = chain
					case beta == 0:
						*x = float32(alpha * *x)
					default:
						*x = float32(alpha**x) + float32(beta*old)
					}
					if beta == 0 {
						c.data[i*c.stride+j] = nan
					}
				}
			}
			Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, m, n, k, alpha, a.data, a.stride, b.data, b.stride, beta, c.data, c.stride)
			for i, w := range want.all { // == so that -0·alpha may be either zero
				if x := c.all[i]; x != w && (x == x || w == w) {
					t.Fatalf("alpha %v, beta %v: word %d is %v, want %v", alpha, beta, i, x, w)
				}
			}
		}
	}
	// With alpha 0 the operands are not read.
	for i := range a.data {
		a.data[i] = nan
	}
	c := newGuarded(m, n, n, 0, r)
	Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, m, n, k, 0, a.data, a.stride, b.data, b.stride, 0, c.data, c.stride)
	for _, x := range c.data[:m*n] {
		if x != 0 {
			t.Fatalf("alpha 0, beta 0 gave %v", x)
		}
	}
}

// Sgemv gives the bits of the Sgemm it is a case of, whatever the increments.
func TestGemv(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 2))
		for _, s := range [][2]int{{1, 1}, {5, 9}, {40, 17}, {33, 600}} {
			for _, tA := range []blas.Transpose{blas.NoTrans, blas.Trans} {
				for _, inc := range [][2]int{{1, 1}, {2, -1}, {-3, 2}, {-1, -2}} {
					m, n := s[0], s[1]
					lenX, lenY := n, m
					if tA == blas.Trans {
						lenX, lenY = m, n
					}
					a, x, y := newGuarded(m, n, n+1, 1, r), newGuarded(1, lenX*3, lenX*3, 0, r), newGuarded(1, lenY*2, lenY*2, 5, r)
					xs, ys := make([]float32, lenX), make([]float32, lenY)
					at := func(i, n, inc int) int {
						if inc < 0 {
							return (i - n + 1) * inc
						}
						return i * inc
					}
					for i := range xs {
						xs[i] = x.data[at(i, lenX, inc[0])]
					}
					for i := range ys {
						ys[i] = y.data[at(i, lenY, inc[1])]
					}
					Implementation{}.Sgemm(tA, blas.NoTrans, lenY, 1, lenX, 1, a.data, a.stride, xs, 1, 1, ys, 1)
					want := y.clone()
					for i, v := range ys {
						want.data[at(i, lenY, inc[1])] = v
					}
					Implementation{}.Sgemv(tA, m, n, 1, a.data, a.stride, x.data, inc[0], 1, y.data, inc[1])
					if d := y.diff(want); d != "" {
						t.Fatalf("%c %v inc %v: %s", tA, s, inc, d)
					}
				}
			}
		}
	})
}

// Wrong arguments panic with gonum's own words.
func TestPanicsAreGonums(t *testing.T) {
	text := func(f func()) (s string) {
		defer func() { s = fmt.Sprint(recover()) }()
		f()
		return
	}
	s := func(n int) []float32 { return make([]float32, n) }
	for _, c := range []struct {
		tA, tB                    blas.Transpose
		m, n, k, la, lda, lb, ldb int
		lc, ldc                   int
	}{
		{'X', blas.NoTrans, 2, 3, 4, 8, 4, 12, 3, 6, 3}, {blas.NoTrans, 'X', 2, 3, 4, 8, 4, 12, 3, 6, 3},
		{blas.NoTrans, blas.NoTrans, -1, 3, 4, 8, 4, 12, 3, 6, 3}, {blas.NoTrans, blas.NoTrans, 2, -1, 4, 8, 4, 12, 3, 6, 3},
		{blas.NoTrans, blas.NoTrans, 2, 3, -1, 8, 4, 12, 3, 6, 3}, {blas.NoTrans, blas.NoTrans, 2, 3, 4, 8, 3, 12, 3, 6, 3},
		{blas.Trans, blas.NoTrans, 2, 3, 4, 8, 1, 12, 3, 6, 3}, {blas.NoTrans, blas.NoTrans, 2, 3, 4, 8, 4, 12, 2, 6, 3},
		{blas.NoTrans, blas.Trans, 2, 3, 4, 8, 4, 12, 3, 6, 3}, {blas.NoTrans, blas.NoTrans, 2, 3, 4, 8, 4, 12, 3, 6, 2},
		{blas.NoTrans, blas.NoTrans, 2, 3, 4, 7, 4, 12, 3, 6, 3}, {blas.Trans, blas.Trans, 2, 3, 4, 7, 2, 12, 4, 6, 3},
		{blas.NoTrans, blas.NoTrans, 2, 3, 4, 8, 4, 11, 3, 6, 3}, {blas.Trans, blas.Trans, 2, 3, 4, 8, 2, 11, 4, 6, 3},
		{blas.NoTrans, blas.NoTrans, 2, 3, 4, 8, 4, 12, 3, 5, 3}, {blas.NoTrans, blas.NoTrans, 0, 3, 4, 0, 4, 0, 3, 0, 3},
	} {
		call := func(b blas.Float32Level3) func() {
			return func() { b.Sgemm(c.tA, c.tB, c.m, c.n, c.k, 1, s(c.la), c.lda, s(c.lb), c.ldb, 0, s(c.lc), c.ldc) }
		}
		if got, want := text(call(Implementation{})), text(call(gonum.Implementation{})); got != want {
			t.Errorf("Sgemm %+v: %s, gonum has %s", c, got, want)
		}
	}
	for _, c := range []struct {
		tA                                blas.Transpose
		m, n, la, lda, lx, incX, ly, incY int
	}{
		{'X', 2, 3, 6, 3, 3, 1, 2, 1}, {blas.NoTrans, -1, 3, 6, 3, 3, 1, 2, 1}, {blas.NoTrans, 2, -1, 6, 3, 3, 1, 2, 1},
		{blas.NoTrans, 2, 3, 6, 2, 3, 1, 2, 1}, {blas.NoTrans, 2, 3, 6, 3, 3, 0, 2, 1}, {blas.NoTrans, 2, 3, 6, 3, 3, 1, 2, 0},
		{blas.NoTrans, 2, 3, 6, 3, 4, 2, 2, 1}, {blas.NoTrans, 2, 3, 6, 3, 4, -2, 2, 1}, {blas.Trans, 2, 3, 6, 3, 2, 1, 2, 1},
		{blas.NoTrans, 2, 3, 5, 3, 3, 1, 2, 1}, {blas.NoTrans, 2, 3, 6, 3, 5, -2, 1, 1}, {blas.NoTrans, 0, 3, 0, 3, 3, 1, 0, 1},
	} {
		call := func(b blas.Float32Level2) func() {
			return func() { b.Sgemv(c.tA, c.m, c.n, 1, s(c.la), c.lda, s(c.lx), c.incX, 0, s(c.ly), c.incY) }
		}
		if got, want := text(call(Implementation{})), text(call(gonum.Implementation{})); got != want {
			t.Errorf("Sgemv %+v: %s, gonum has %s", c, got, want)
		}
	}
}

func TestSourcePanics(t *testing.T) {
	w := Source{Rows: 3, Cols: 4, F32: make([]float32, 12)}
	for name, f := range map[string]func(){
		"short weight": func() {
			MulT(make([]float32, 6), 3, make([]float32, 8), 4, 2, Source{Rows: 3, Cols: 4, F32: w.F32[:11]}, false)
		},
		"short A":     func() { MulT(make([]float32, 6), 3, make([]float32, 7), 4, 2, w, false) },
		"short C":     func() { Mul(make([]float32, 7), 4, make([]float32, 6), 3, 2, w, false) },
		"stride of A": func() { Mul(make([]float32, 8), 4, make([]float32, 8), 2, 2, w, false) },
		"stride of C": func() { MulT(make([]float32, 8), 2, make([]float32, 8), 4, 2, w, false) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was accepted", name)
				}
			}()
			f()
		}()
	}
}

func TestInstall(t *testing.T) {
	old, set := blas32.Implementation(), isa.Current()
	defer func() { blas32.Use(old); isa.Use(set) }()
	t.Setenv(isa.Variable, "portable")
	if kernel, err := Install(); err != nil || kernel != "portable" || Kernel() != "portable" {
		t.Errorf("kernel %q, error %v", kernel, err)
	}
	if _, ok := blas32.Implementation().(Implementation); !ok {
		t.Error("blas32 was not told")
	}
	t.Setenv(isa.Variable, "sse")
	if _, err := Install(); err == nil {
		t.Error("kernel sse was accepted")
	}
}
