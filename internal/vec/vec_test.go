package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stablelora/stablelora/internal/isa"
)

// ops calls each function on as many slices as it takes; what it returns beside
// them is a number that must have the same bits, too.
var ops = []struct {
	name   string
	slices int
	run    func(s [][]float32) float64
}{
	{"SwiGLU", 3, func(s [][]float32) float64 { SwiGLU(s[0], s[1], s[2]); return 0 }},
	{"SwiGLUBackward", 5, func(s [][]float32) float64 { SwiGLUBackward(s[0], s[1], s[2], s[3], s[4]); return 0 }},
	{"SwiGLUBackward in place", 3, func(s [][]float32) float64 { SwiGLUBackward(s[1], s[2], s[0], s[1], s[2]); return 0 }},
	{"Softmax", 1, func(s [][]float32) float64 { Softmax(s[0], 0.3); return 0 }},
	{"SoftmaxBackward", 2, func(s [][]float32) float64 { SoftmaxBackward(s[0], s[1], 0.3); return 0 }},
	{"Max", 1, func(s [][]float32) float64 { return float64(maximum(s[0])) }},
	{"LogSumExp", 1, func(s [][]float32) float64 { _, sum := LogSumExp(s[0]); return sum }},
	{"ExpScale", 1, func(s [][]float32) float64 { ExpScale(s[0], 0.7, 0.2); return 0 }},
	{"RMSNorm", 3, func(s [][]float32) float64 { return float64(RMSNorm(s[0], s[1], s[2], 1e-6)) }},
	{"RMSNormBackward", 4, func(s [][]float32) float64 { RMSNormBackward(s[0], s[1], s[2], s[3], 1.3); return 0 }},
	{"Add", 2, func(s [][]float32) float64 { Add(s[0], s[1]); return 0 }},
	{"Scale", 1, func(s [][]float32) float64 { Scale(s[0], 0.3); return 0 }},
	{"Dot", 2, func(s [][]float32) float64 { return Dot(s[0], s[1]) }},
	{"Rotate", 4, func(s [][]float32) float64 { Rotate(s[0], s[1], s[2], s[3], -1); return 0 }},
	{"AdamW", 4, func(s [][]float32) float64 {
		(&AdamW{.999, .1, .99, .01, .3, 1e-8, -1e-3}).Update(s[0], s[1], s[2], s[3])
		return 0
	}},
	{"AdamW from the gradient", 4, func(s [][]float32) float64 {
		(&AdamW{.999, .7, .99, .01, .3, 0, -1e-3}).Update(s[0], s[1], s[2], s[3])
		return 0
	}},
}

// guard is written around slices, where nothing may be written.
const (
	guard      = 0x7fc0dead
	guardWords = 17
)

// guarded makes slices of n elements, the first one offset words into its memory
// and each with guard words before and behind.
func guarded(slices, n, offset int, value func() float32) (all, s [][]float32) {
	for k := range slices {
		pad := guardWords + (offset+3*k)%16
		m := make([]float32, pad+n+guardWords)
		for i := range m {
			m[i] = math.Float32frombits(guard)
			if i >= pad && i < pad+n {
				m[i] = value()
			}
		}
		all, s = append(all, m), append(s, m[pad:pad+n:pad+n])
	}
	return all, s
}

// check compares all instruction sets on operation number op.
func check(t *testing.T, op, n, offset int, value func() float32) {
	t.Helper()
	defer isa.Use(isa.Current())
	o := ops[op]
	all, s := guarded(o.slices, n, offset, value)
	before := make([][]float32, len(all))
	for k := range all {
		before[k] = append([]float32(nil), all[k]...)
	}
	var want [][]float32
	var wantResult float64
	for _, set := range isa.Available() {
		isa.Use(set)
		for k := range all {
			copy(all[k], before[k])
		}
		result := o.run(s)
		if set == isa.Portable {
			for k := range all {
				want = append(want, append([]float32(nil), all[k]...))
			}
			wantResult = result
		}
		if math.Float64bits(result) != math.Float64bits(wantResult) && (result == result || wantResult == wantResult) {
			t.Fatalf("%s of %d elements at offset %d with %v: %x, want %x", o.name, n, offset, set, result, wantResult)
		}
		for k := range all {
			for i, w := range want[k] {
				g, isGuard := all[k][i], math.Float32bits(before[k][i]) == guard
				if isGuard {
					w = before[k][i]
				}
				if math.Float32bits(g) != math.Float32bits(w) && (isGuard || g == g || w == w) {
					t.Fatalf("%s of %d elements at offset %d with %v: slice %d, word %d of %d: %x, want %x",
						o.name, n, offset, set, k, i, len(all[k]), g, w)
				}
			}
		}
	}
}

// values returns a source of numbers: normally distributed, or every other one
// an extreme.
func values(r *rand.Rand, extremes bool) func() float32 {
	special := []float32{
		0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
		math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -0x1p-130, 0x1p-126, -0x1p-127,
		-87.33654, -87.336548, 88.72283, 88.722839, -88.8, 88.8, -104, 1e-20, -1e20,
	}
	return func() float32 {
		if extremes && r.IntN(2) == 0 {
			return special[r.IntN(len(special))]
		}
		return float32(r.NormFloat64() * 4)
	}
}

func TestSameBits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for op := range ops {
		for n := range 101 {
			for offset := range 16 {
				check(t, op, n, offset, values(r, offset%2 == 1))
			}
		}
		for _, n := range []int{1021, 4864, 20011} {
			check(t, op, n, n%7, values(r, false))
		}
		for range 50 { // a single extreme among ordinary numbers
			count, extreme, ordinary := 0, values(r, true), values(r, false)
			check(t, op, 37, 5, func() float32 {
				if count++; count%29 == 0 {
					return extreme()
				}
				return ordinary()
			})
		}
	}
}

func FuzzSameBits(f *testing.F) {
	f.Add(uint8(0), uint16(33), uint8(1), uint64(1), uint32(0x7f800001))
	f.Add(uint8(5), uint16(16), uint8(0), uint64(2), uint32(0x80000000))
	f.Fuzz(func(t *testing.T, op uint8, n uint16, offset uint8, seed uint64, bits uint32) {
		r := rand.New(rand.NewPCG(seed, 1))
		ordinary := values(r, seed%2 == 1)
		check(t, int(op)%len(ops), int(n%300), int(offset), func() float32 {
			switch r.IntN(4) {
			case 0:
				if bits == guard {
					return 0
				}
				return math.Float32frombits(bits)
			case 1:
				return math.Float32frombits(r.Uint32() &^ 1) // no guard
			}
			return ordinary()
		})
	})
}

func TestDifferentLengthsPanic(t *testing.T) {
	for _, o := range ops {
		if o.slices < 2 {
			continue
		}
		_, s := guarded(o.slices, 20, 0, func() float32 { return 1 })
		for k := range s {
			short := append([][]float32(nil), s...)
			short[k] = short[k][:19]
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: a short slice %d was accepted", o.name, k)
					}
				}()
				o.run(short)
			}()
		}
	}
}

func BenchmarkOps(b *testing.B) {
	defer isa.Use(isa.Current())
	const n = 4864
	r := rand.New(rand.NewPCG(1, 2))
	for _, o := range ops {
		_, s := guarded(o.slices, n, 0, values(r, false))
		fresh := append([]float32(nil), s[0]...)
		for _, set := range isa.Available() {
			b.Run(fmt.Sprintf("%s/%v", o.name, set), func(b *testing.B) {
				isa.Use(set)
				for b.Loop() {
					copy(s[0], fresh) // so that nothing grows or dies out
					o.run(s)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
