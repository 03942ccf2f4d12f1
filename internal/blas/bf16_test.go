package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/fma"
)

// oracleBF16 computes C = [C +] A·B as VDPBF16PS does it step by step.
func oracleBF16(c *guarded, a, b func(i, j int) float32, k int, acc bool) {
	at := func(f func(i, j int) float32, i, j, p int) float32 {
		if p >= k {
			return 0
		}
		return roundToBF16(f(i, j))
	}
	for i := range c.rows {
		for j := range c.cols {
			x := &c.data[i*c.stride+j]
			if !acc {
				*x = 0
			}
			for p := 0; p < k; p += 2 {
				*x = fma.Flushed(at(a, i, p+1, p+1), at(b, p+1, j, p+1), *x)
				*x = fma.Flushed(at(a, i, p, p), at(b, p, j, p), *x)
			}
		}
	}
}

// checkBF16 compares every product of op(A) (m, k) and op(B) (k, n) with the
// oracle: of two float32 matrices, and with B a weight in each format.
func checkBF16(t *testing.T, g gemmCase, fill func() float32, r *rand.Rand) {
	t.Helper()
	matrix := func(rows, cols, extra, pad int) *guarded {
		m := newGuarded(rows, cols, cols+extra, pad, r)
		for i := range rows {
			for j := range cols {
				m.data[i*m.stride+j] = fill()
			}
		}
		return m
	}
	rowsA, colsA, rowsB, colsB := g.m, g.k, g.k, g.n
	if g.tA {
		rowsA, colsA = g.k, g.m
	}
	if g.tB {
		rowsB, colsB = g.n, g.k
	}
	a, b, c := matrix(rowsA, colsA, g.extra, g.pad), matrix(rowsB, colsB, 2*g.extra, g.pad/3), matrix(g.m, g.n, 3*g.extra, g.pad*7%16)
	want, got := c.clone(), c.clone()
	oracleBF16(want, a.element(g.tA), b.element(g.tB), g.k, g.acc)
	GemmBF16(trans(g.tA), trans(g.tB), g.m, g.n, g.k, a.data, a.stride, b.data, b.stride, got.data, got.stride, g.acc)
	if d := got.diff(want); d != "" {
		t.Fatalf("%+v: C %s", g, d)
	}
	if g.tA {
		return
	}
	for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
		w := matrix(rowsB, colsB, 0, 0)
		src := source(w, d, g.pad)
		want, got := c.clone(), c.clone()
		oracleBF16(want, a.element(false), w.element(g.tB), g.k, g.acc)
		if g.tB {
			MulTBF16(got.data, got.stride, a.data, a.stride, g.m, src, g.acc)
		} else {
			MulBF16(got.data, got.stride, a.data, a.stride, g.m, src, g.acc)
		}
		if s := got.diff(want); s != "" {
			t.Fatalf("%+v, %v weight: C %s", g, d, s)
		}
	}
}

func TestBF16Bits(t *testing.T) {
	sizes := [][3]int{ // m, n, k
		{1, 1, 1}, {1, 17, 3}, {1, 100, 70}, {2, 3, 0}, {3, 5, 7}, {6, 16, 9}, {7, 15, 33}, {12, 32, 1}, {13, 31, 64},
		{8, 8, 100}, {29, 65, 40}, {33, 129, 18}, {19, 90, 31}, {57, 70, 20}, {14, 64, 63}, {15, 33, 32},
	}
	withKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		normal := func() float32 { return float32(r.NormFloat64()) }
		for n, s := range sizes {
			for mask := range 8 {
				checkBF16(t, gemmCase{
					m: s[0], n: s[1], k: s[2], tA: mask&1 != 0, tB: mask&2 != 0, acc: mask&4 != 0,
					extra: (n + mask) % 3 * 2, pad: (n*8 + mask) % 16,
				}, normal, r)
			}
		}
		kern := kernelFor(1000, 100, true)
		for n, s := range [][3]int{
			{3, 5, kern.maxDepth - 1}, {7, 18, kern.maxDepth}, {7, 35, kern.maxDepth + 1}, {3, 70, 2*kern.maxDepth + 3},
			{kern.blockRows + 1, 17, 3}, {maxRows + 7, 66, 2},
		} {
			checkBF16(t, gemmCase{m: s[0], n: s[1], k: s[2], tA: n%3 == 2, tB: n&1 != 0, acc: n&1 == 0, extra: n % 2}, normal, r)
		}
	})
}

// NaN, infinities, and numbers whose products and sums lie around the smallest
// normal one or overflow.
func TestBF16SpecialValues(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 2))
		around := func(exponent, spread int) float32 {
			x := math.Ldexp(1+float64(r.IntN(1<<r.IntN(24)))/(1<<23), exponent-r.IntN(spread))
			return float32(x) * float32(1-2*r.IntN(2))
		}
		any := func() float32 { return math.Float32frombits(r.Uint32()) }
		for n := range 60 {
			fill := any
			switch {
			case n%3 == 1:
				fill = func() float32 { return around(-61, 6) } // a·b, and with it the sums, around 2^-126
			case n%3 == 2:
				fill = func() float32 {
					if r.IntN(4) == 0 {
						return around(-120, 20)
					}
					return []float32{0, 1, -1, float32(math.Copysign(0, -1)), 0x1p-62, 0x1p64}[r.IntN(6)]
				}
			}
			g := gemmCase{m: 1 + n%17, n: 40, k: 1 + n%5, tA: n%2 == 0, tB: n%4 > 1, acc: true}
			checkBF16(t, g, fill, r)
		}
	})
}

// The rounding of every panel length, NaN and subnormal numbers included.
func TestRoundBF16(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		kern := kernelFor(1000, 100, true)
		r := rand.New(rand.NewPCG(3, 3))
		special := []uint32{
			0, 1, 0x7fffff, 0x800000, 0x3f808000, 0x3f818000, 0x3f807fff, 0x3f808001, 0x7f7fffff, 0x7f7f7fff,
			0x7f800000, 0x7f800001, 0x7fc12345, 0x7fffffff, 0x7f80ffff,
		}
		for n := range 40 {
			x := make([]float32, n)
			for i := range x {
				x[i] = math.Float32frombits(r.Uint32())
				if r.IntN(2) == 0 {
					x[i] = math.Float32frombits(special[r.IntN(len(special))] | r.Uint32()&(1<<31))
				}
			}
			got := append([]float32(nil), x...)
			kern.roundBF16(got)
			for i := range x {
				if g, w := math.Float32bits(got[i]), math.Float32bits(roundToBF16(x[i])); g != w {
					t.Fatalf("%#x became %#x, want %#x", math.Float32bits(x[i]), g, w)
				}
			}
		}
	})
}

func FuzzGemmBF16(f *testing.F) {
	f.Add(uint16(3), uint16(20), uint16(9), uint8(3), uint64(1))
	f.Add(uint16(13), uint16(65), uint16(520), uint8(0xff), uint64(2))
	f.Fuzz(func(t *testing.T, m, n, k uint16, bits uint8, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 7))
		useKernel(t, int(bits>>3))
		fill := func() float32 { return float32(r.NormFloat64()) }
		if bits>>6 == 3 {
			fill = func() float32 { return math.Float32frombits(r.Uint32()) }
		}
		checkBF16(t, gemmCase{
			m: int(m % 100), n: int(n % 130), k: int(k % 300), tA: bits&1 != 0, tB: bits&2 != 0, acc: bits&4 != 0,
			extra: int(bits >> 6), pad: int(bits >> 4),
		}, fill, r)
	})
}

func BenchmarkWeightsBF16(b *testing.B) {
	for _, s := range [][2]int{{896, 896}, {4864, 896}} {
		w := coldWeights(dtype.BF16, s[0], s[1])
		for _, m := range []int{64, 512} {
			x, y := make([]float32, m*s[1]), make([]float32, m*s[0])
			i := 0
			for name, f := range map[string]func(c []float32, ldc int, a []float32, lda, m int, w Source, accumulate bool){
				"MulT": MulT, "MulTBF16": MulTBF16,
			} {
				b.Run(fmt.Sprintf("%s/%dx%d/m=%d", name, s[0], s[1], m), func(b *testing.B) {
					for b.Loop() {
						f(y, s[0], x, s[1], m, w[i%len(w)], false)
						i++
					}
					reportFlops(b, m, s[0], s[1])
				})
			}
		}
	}
}
