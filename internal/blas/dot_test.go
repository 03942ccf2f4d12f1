package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/fma"
	"github.com/stablelora/stablelora/internal/isa"
	"github.com/stablelora/stablelora/internal/parallel"
)

// dotOracle is one element by the package comment's second rule.
func dotOracle(a, w func(k int) float32, n int) float32 {
	var s [16]float32
	for k := range (n + 15) / 16 * 16 {
		x, y := float32(0), float32(0)
		if k < n {
			x, y = a(k), w(k)
		}
		s[k%16] = fma.F32(x, y, s[k%16])
	}
	join := func(x []float32) []float32 {
		y := make([]float32, len(x)/2)
		for j := range y {
			y[j] = x[j] + x[j+len(y)]
		}
		return y
	}
	return join(join(join(join(s[:]))))[0]
}

// checkDots compares a product of A (m, k) with weights (n, k) with the oracle.
func checkDots(t *testing.T, m, n, k int, d dtype.DType, acc bool, extra, pad int, fill func(*guarded)) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(m), uint64(n*k)))
	a, c := newGuarded(m, k, k+extra, pad, r), newGuarded(m, n, n+3*extra, pad*5%16, r)
	w := newGuarded(n, k, k, 0, r)
	if fill != nil {
		fill(a)
		fill(w)
		fill(c)
	}
	want := c.clone()
	src := source(w, d, pad)
	for i := range m {
		for j := range n {
			x := dotOracle(func(p int) float32 { return a.data[i*a.stride+p] }, func(p int) float32 { return w.data[j*w.stride+p] }, k)
			if acc {
				x = c.data[i*c.stride+j] + x
			}
			want.data[i*c.stride+j] = x
		}
	}
	Dots(c.data, c.stride, a.data, a.stride, m, src, acc)
	if diff := c.diff(want); diff != "" {
		t.Fatalf("%d x %d · (%v %d x %d)ᵀ, acc %v: %s", m, k, d, n, k, acc, diff)
	}
}

func TestDotsBits(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		for _, s := range [][2]int{{1, 1}, {2, 16}, {3, 5}, {4, 32}, {5, 48}, {6, 33}, {7, 0}, {19, 160}, {150, 528}} { // n, k
			for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
				for m := range 14 {
					checkDots(t, m, s[0], s[1], d, (m+s[0])%2 == 0, m%3, m+s[0]%7, nil)
				}
			}
		}
	})
}

func TestDotsSpecialValues(t *testing.T) {
	values := []float32{
		0, float32(math.Copysign(0, -1)), 1, -3, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
		math.SmallestNonzeroFloat32, 1e-39, -1e-40, 3e-23, -5e-20, math.MaxFloat32, -math.MaxFloat32,
	}
	withKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 5))
		for n := range 144 {
			some := values[:2+r.IntN(len(values)-1)]
			k := 1 + n%40
			if n%5 > 0 {
				k = roundUp(k, lanes)
			}
			checkDots(t, 1+n%12, 7, k, []dtype.DType{dtype.F32, dtype.F16, dtype.BF16}[n/12%3], n/36%2 == 0, 0, 0, func(g *guarded) {
				for i := range g.data[:g.rows*g.cols] {
					g.data[i] = some[r.IntN(len(some))]
				}
			})
		}
	})
}

// A row of C depends on its row of A alone, and on the values of the weights, not
// on their stride: what holds for one row alone holds for it among others.
func TestDotsRowsAreIndependent(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(8, 8))
		const m, n, k = 13, 37, 96
		a, w, c := newGuarded(m, k, k+3, 1, r), newGuarded(n, k, k+32, 0, r), newGuarded(m, n, n, 0, r)
		tight := newGuarded(n, k, k, 2, r)
		for j := range n {
			copy(tight.data[j*k:(j+1)*k], w.data[j*w.stride:])
		}
		DotsF32(c.data, n, a.data, a.stride, m, w.data, w.stride, n, k, false)
		for i := range m {
			one := newGuarded(1, n, n, 0, r)
			Dots(one.data, n, a.data[i*a.stride:], a.stride, 1, Source{DType: dtype.F32, Rows: n, Cols: k, F32: tight.data[:n*k]}, false)
			for j, v := range one.data[:n] {
				if v != c.data[i*n+j] {
					t.Fatalf("row %d, column %d: %x alone, %x among %d rows", i, j, v, c.data[i*n+j], m)
				}
			}
		}
	})
}

// MulRows gives Sgemm's bits over several blocks of k, whatever the strides.
func TestMulRows(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 9))
		for n, s := range [][3]int{{1, 1, 1}, {1, 64, 200}, {7, 64, 64}, {14, 80, 130}, {5, 7, 65}, {3, 33, 129}, {2, 16, 0}} { // m, n, k
			a, b := newGuarded(s[0], s[2], s[2]+n, 3, r), newGuarded(s[2], s[1], s[1]+16*n, 1, r)
			c := newGuarded(s[0], s[1], s[1]+2, n, r)
			want := c.clone()
			oracle(want, a.element(false), b.element(false), s[2], false)
			MulRows(c.data, c.stride, a.data, a.stride, s[0], b.data, b.stride, s[1], s[2], false)
			if d := c.diff(want); d != "" {
				t.Fatalf("%v: %s", s, d)
			}
			oracle(want, a.element(false), b.element(false), s[2], true)
			MulRows(c.data, c.stride, a.data, a.stride, s[0], b.data, b.stride, s[1], s[2], true)
			if d := c.diff(want); d != "" {
				t.Fatalf("%v, added: %s", s, d)
			}
		}
	})
}

func TestDotsPanics(t *testing.T) {
	f := make([]float32, 12)
	for name, call := range map[string]func(){
		"short W":     func() { DotsF32(f, 3, f, 4, 2, f[:11], 4, 3, 4, false) },
		"short A":     func() { DotsF32(f, 3, f[:7], 4, 2, f, 4, 3, 4, false) },
		"stride of C": func() { DotsF32(f, 2, f, 4, 2, f, 4, 3, 4, false) },
		"weight":      func() { Dots(f, 3, f, 4, 2, Source{DType: dtype.F32, Rows: 3, Cols: 4, F32: f[:11]}, false) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was accepted", name)
				}
			}()
			call()
		}()
	}
}

func TestDotsDoNotAllocate(t *testing.T) {
	w := Source{DType: dtype.BF16, Rows: 600, Cols: 130, U16: make([]uint16, 600*130)}
	a, c := make([]float32, 8*130), make([]float32, 8*600)
	defer parallel.SetThreads(parallel.Threads())
	parallel.SetThreads(2)
	f := func() { Dots(c, 600, a, 130, 8, w, false) }
	f()
	f()
	if n := testing.AllocsPerRun(20, f); n > 0.5 { // a worker may once need a buffer of its own
		t.Errorf("%v allocations a call", n)
	}
}

func FuzzDots(f *testing.F) {
	f.Add(uint8(3), uint16(20), uint16(9), uint8(3))
	f.Add(uint8(1), uint16(65), uint16(520), uint8(0xff))
	f.Fuzz(func(t *testing.T, m uint8, n, k uint16, bits uint8) {
		defer isa.Use(isa.Current())
		sets := isa.Available()
		isa.Use(sets[int(bits>>4)%len(sets)])
		d := []dtype.DType{dtype.F32, dtype.F16, dtype.BF16}[int(bits)%3]
		checkDots(t, int(m%17), int(n%200), int(k%700), d, bits&4 != 0, int(bits>>6), int(bits>>3)%16, nil)
	})
}

// Products of a few rows with weights that are not in the caches, in bytes of
// weights a second.
func BenchmarkDots(b *testing.B) {
	for _, s := range [][2]int{{896, 896}, {4864, 896}, {896, 4864}, {128, 896}, {8192, 2048}} {
		for _, d := range []dtype.DType{dtype.BF16, dtype.F32} {
			w := coldWeights(d, s[0], s[1])
			for _, m := range []int{1, 2, 3, 8, 12} {
				x, y := make([]float32, m*s[1]), make([]float32, m*s[0])
				i := 0
				b.Run(fmt.Sprintf("%dx%d/%v/m=%d", s[0], s[1], d, m), func(b *testing.B) {
					b.SetBytes(int64(s[0] * s[1] * d.Size()))
					for b.Loop() {
						Dots(y, s[0], x, s[1], m, w[i%len(w)], false)
						i++
					}
				})
			}
		}
	}
}
