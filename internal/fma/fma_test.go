package fma

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bigFMA is a·b + c in exact arithmetic, rounded once.
func bigFMA(a, b, c float32) float32 {
	x := new(big.Float).SetPrec(700).SetFloat64(float64(a))
	x.Mul(x, new(big.Float).SetFloat64(float64(b)))
	x.Add(x, new(big.Float).SetFloat64(float64(c)))
	if x.Sign() == 0 { // big has no rule for the zero of x - x
		return float32(float64(a)*float64(b) + float64(c))
	}
	f, _ := x.Float32()
	return f
}

func checkFMA(t *testing.T, a, b, c float32) {
	t.Helper()
	got, want := F32(a, b, c), bigFMA(a, b, c)
	if math.Float32bits(got) != math.Float32bits(want) {
		t.Fatalf("F32(%x, %x, %x) = %x, want %x", a, b, c, got, want)
	}
}

// finite turns any pattern into a finite float32.
func finite(bits uint32) float32 {
	if bits&0x7f800000 == 0x7f800000 {
		bits ^= 0x00800000
	}
	return math.Float32frombits(bits)
}

// rounds is the number of cases of each kind.
func rounds() int {
	if testing.Short() {
		return 50_000
	}
	return 500_000
}

func TestFMARandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range rounds() {
		checkFMA(t, finite(r.Uint32()), finite(r.Uint32()), finite(r.Uint32()))
	}
	for range rounds() { // operands of like size
		checkFMA(t, float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64()))
	}
}

// The sum is placed at, or a hair beside, a point halfway between two float32
// values: c has a 1 in front and a·b supplies the half ulp and the hair.
func TestFMAHalfway(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range rounds() {
		c := math.Float32frombits(r.Uint32()&0x807fffff | uint32(30+r.IntN(200))<<23)
		ulp := math.Nextafter32(float32(math.Abs(float64(c))), math.MaxFloat32) - float32(math.Abs(float64(c)))
		// (1+x)(1+y)/2 ulp, with x, y tiny, of any sign, or 0: from 2^-11 to 2^-24
		hair := func() float32 {
			switch r.IntN(3) {
			case 0:
				return 1
			case 1:
				return 1 + float32(math.Ldexp(1, -11-r.IntN(13)))
			}
			return 1 - float32(math.Ldexp(1, -11-r.IntN(14)))
		}
		a, b := hair(), hair()*ulp/2
		if r.IntN(2) == 0 {
			a = -a
		}
		checkFMA(t, a, b, c)
		// The product, of up to 28 bits, as the large operand; c as the hair.
		p, q := float32(r.IntN(1<<13)*2+1), float32(r.IntN(1<<13)*2+1)
		checkFMA(t, p, q, float32(math.Ldexp(float64(1-2*r.IntN(2)), -r.IntN(140))))
	}
}

func TestFMASubnormal(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range rounds() {
		e := r.IntN(170) // a·b from 2^-100 down to 2^-190
		a := float32(math.Ldexp(1+r.Float64(), -10-e/2))
		b := float32(math.Ldexp(1+r.Float64(), -90-(e-e/2)/2))
		c := math.Float32frombits(r.Uint32() & 0x81ffffff >> (r.IntN(3) * 2))
		if r.IntN(2) == 0 {
			a = -a
		}
		checkFMA(t, a, b, c)
	}
}

// A result is rounded before it is found too small; operands are not.
func TestFlushed(t *testing.T) {
	const least = 0x1p-126
	for _, c := range []struct{ a, b, c, want float32 }{
		{0x1p-63, 0x1p-63, 0, least}, {-0x1p-63, 0x1p-63, 0, -least},
		{1, least, -0x1p-149, least}, // the subnormal operand counts as 0
		{1, 0x1.fffffcp-127, 0, 0},   // likewise
		{-1, 0x1p-149, float32(math.Copysign(0, -1)), float32(math.Copysign(0, -1))},
		{1, 1, 0x1p-130, 1},
		// a·b is 2^-126 - 2^-150, a value of 24 bits that float32 would round up
		{0x1.fffffep-64, 0x1p-63, 0, 0}, {0x1.fffffep-64, -0x1p-63, 0, float32(math.Copysign(0, -1))},
		// 2^-126 - 2^-172, which 24 bits cannot hold
		{0x1.000002p-63, 0x1.fffffcp-64, 0, least},
		{0x1p-126, 1.5, -0x1p-126, 0}, {0x1p-126, 0.5, -0x1p-126, float32(math.Copysign(0, -1))},
		{math.MaxFloat32, 2, 0, float32(math.Inf(1))}, {3, 4, 5, 17}, {1, float32(math.Inf(-1)), 7, float32(math.Inf(-1))},
	} {
		if got := Flushed(c.a, c.b, c.c); math.Float32bits(got) != math.Float32bits(c.want) {
			t.Errorf("Flushed(%x, %x, %x) = %x, want %x", c.a, c.b, c.c, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(7, 8))
	for range rounds() {
		a, b, c := finite(r.Uint32()), finite(r.Uint32()), finite(r.Uint32())
		want := F32(Flush(a), Flush(b), Flush(c))
		if got := Flushed(a, b, c); math.Abs(float64(want)) > least && math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("Flushed(%x, %x, %x) = %x, want %x", a, b, c, got, want)
		}
	}
}

func TestFMASpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	negZero := float32(math.Copysign(0, -1))
	for _, c := range []struct{ a, b, c, want float32 }{
		{0, 1, 0, 0}, {0, -1, 0, 0}, {0, -1, negZero, negZero}, {negZero, 1, negZero, negZero},
		{2, 3, -6, 0}, {inf, 1, 0, inf}, {inf, -1, 5, -inf}, {1, 1, -inf, -inf},
		{math.MaxFloat32, 2, 0, inf}, {math.MaxFloat32, 1, math.MaxFloat32, inf},
		{math.MaxFloat32, 2, -math.MaxFloat32, math.MaxFloat32},
	} {
		if got := F32(c.a, c.b, c.c); math.Float32bits(got) != math.Float32bits(c.want) {
			t.Errorf("F32(%v, %v, %v) = %v, want %v", c.a, c.b, c.c, got, c.want)
		}
	}
	for _, c := range [][3]float32{{nan, 1, 1}, {1, nan, 1}, {1, 1, nan}, {inf, 0, 1}, {inf, 1, -inf}} {
		if got := F32(c[0], c[1], c[2]); got == got {
			t.Errorf("F32(%v) = %v, want NaN", c, got)
		}
	}
}

func BenchmarkF32(b *testing.B) {
	x := float32(0)
	for b.Loop() {
		x = F32(x, 0.999, 0.5)
	}
	_ = x
}
