package blas

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/stablelora/stablelora/internal/isa"
)

// Scaled products are gonum's, to the bit.
func TestGemmScaled(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	m, n, k := 7, 19, 11
	a, b, c := newGuarded(m, k, k+1, 2, r), newGuarded(k, n, n+2, 3, r), newGuarded(m, n, n+3, 4, r)
	for _, f := range [][2]float32{{0, 0}, {0, 1}, {-1, 0}, {0.3, 1}, {1, 2.7}} {
		got, want := c.clone(), c.clone()
		for g, impl := range map[*guarded]blas.Float32Level3{got: Implementation{}, want: gonum.Implementation{}} {
			impl.Sgemm(blas.NoTrans, blas.NoTrans, m, n, k, f[0], a.data, a.stride, b.data, b.stride, f[1], g.data, g.stride)
		}
		if d := got.diff(want); d != "" {
			t.Fatalf("alpha and beta %v: %s", f, d)
		}
	}
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
