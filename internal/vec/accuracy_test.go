package vec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stablelora/stablelora/internal/isa"
)

// Every 97th float32, and the ends of the range.
func TestExp(t *testing.T) {
	worst, at := 0.0, float32(0)
	var x, y []float32
	flush := func() {
		y = append(y[:0], x...)
		ExpScale(y, 0, 1)
		for i, v := range x {
			want, got := math.Exp(float64(v)), float64(y[i])
			switch {
			case want < 0x1p-126:
				if got != 0 {
					t.Fatalf("exp(%v) = %v, want 0", v, got)
				}
				continue
			case float32(want) > math.MaxFloat32:
				if !math.IsInf(got, 1) {
					t.Fatalf("exp(%v) = %v, want +Inf", v, got)
				}
				continue
			}
			ulp := math.Ldexp(1, math.Ilogb(want)-23)
			if e := math.Abs(got-want) / ulp; e > worst || e != e {
				worst, at = e, v
			}
		}
		x = x[:0]
	}
	step := uint32(97)
	if testing.Short() || isa.Current() == isa.Portable {
		step = 4999
	}
	for _, sign := range []uint32{0, 1 << 31} {
		for b := uint32(0); b < 0x43800000; b += step { // to 256
			if x = append(x, math.Float32frombits(b|sign)); len(x) == 4096 {
				flush()
			}
		}
	}
	for b := range uint32(0x10000) {
		x = append(x, math.Float32frombits(0xc2ae8000+b), math.Float32frombits(0x42b17000+b)) // -87.3, 88.7
	}
	flush()
	if t.Logf("error of %.3f units in the last place at %v", worst, at); !(worst <= 0.9) {
		t.Error("that is more than 0.9")
	}
	inf := float32(math.Inf(1))
	x = []float32{0, float32(math.Copysign(0, -1)), -inf, inf, -1000, 100, 1e30, -1e30, float32(math.NaN())}
	ExpScale(x, 0, 1)
	for i, want := range []float32{1, 1, 0, inf, 0, inf, inf, 0} {
		if x[i] != want {
			t.Errorf("case %d: %v, want %v", i, x[i], want)
		}
	}
	if x[8] == x[8] {
		t.Errorf("exp(NaN) = %v", x[8])
	}
}

// relative is the largest |got - want| / |want|; 1e-37 counts as 0.
func relative(got []float32, want func(i int) float64) float64 {
	worst := 0.0
	for i, g := range got {
		w := want(i)
		if d := math.Abs(float64(g) - w); !(d <= 1e-37) {
			worst = max(worst, d/math.Abs(w))
		}
	}
	return worst
}

func normal(seed uint64, n int, scale float64) []float32 {
	r := rand.New(rand.NewPCG(seed, 3))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(scale * r.NormFloat64())
	}
	return x
}

func sigma(z float32) float64 { return 1 / (1 + math.Exp(-float64(z))) }

func TestSwiGLU(t *testing.T) {
	const n = 5000
	gate, up, dy := normal(1, n, 12), normal(2, n, 1), normal(3, n, 1)
	y, dgate, dup := make([]float32, n), make([]float32, n), make([]float32, n)
	SwiGLU(y, gate, up)
	SwiGLUBackward(dgate, dup, dy, gate, up)
	silu := func(i int) float64 { return float64(gate[i]) * sigma(gate[i]) }
	if e := relative(y, func(i int) float64 { return silu(i) * float64(up[i]) }); e > 5e-7 {
		t.Errorf("y is off by %.1e", e)
	}
	if e := relative(dup, func(i int) float64 { return silu(i) * float64(dy[i]) }); e > 5e-7 {
		t.Errorf("dup is off by %.1e", e)
	}
	// dgate cancels near gate = -1.28: compare with the size of its terms. 1 - σ is
	// only as exact as σ, which is near 1 for a large gate.
	for i, g := range dgate {
		s, z, f := sigma(gate[i]), float64(gate[i]), float64(dy[i])*float64(up[i])
		size := math.Abs(f) * s * (1 + math.Abs(z)*(1-s))
		if d := math.Abs(float64(g) - f*s*(1+z*(1-s))); d > 5e-7*size+1.2e-7*math.Abs(z*f)+1e-37 {
			t.Fatalf("dgate(%v) = %v is off by %.1e", gate[i], g, d/size)
		}
	}
}

func TestSoftmax(t *testing.T) {
	for _, n := range []int{1, 2, 15, 257, 2048} {
		const scale = 0.125
		x, dp := normal(uint64(n), n, 20), normal(7, n, 1)
		want, sum, row := make([]float64, n), 0.0, 0.0
		for i, v := range x {
			want[i] = math.Exp(scale * (float64(v) - float64(maximum(x))))
			sum += want[i]
		}
		p := append([]float32(nil), x...)
		Softmax(p, scale)
		// exp's argument of up to 20 is rounded to 2^-24 of itself
		if e := relative(p, func(i int) float64 { return want[i] / sum }); e > 3e-6 {
			t.Errorf("%d elements: p is off by %.1e", n, e)
		}
		for i := range want {
			row += float64(p[i]) * float64(dp[i])
		}
		d := append([]float32(nil), dp...)
		SoftmaxBackward(d, p, scale)
		for i, v := range d {
			if e := math.Abs(float64(v) - scale*float64(p[i])*(float64(dp[i])-row)); e > 2e-7*float64(p[i])*4*scale {
				t.Errorf("%d elements: d[%d] is off by %.1e", n, i, e)
			}
		}
	}
}

func TestLogSumExp(t *testing.T) {
	x := normal(5, 151_936, 3)
	x[100_001] = float32(math.NaN())
	if largest, sum := LogSumExp(x); sum == sum || largest != largest {
		t.Errorf("with NaN: %v, %v", largest, sum)
	}
	x[100_001] = 21
	want := 0.0
	for _, v := range x {
		want += math.Exp(float64(v) - 21)
	}
	largest, sum := LogSumExp(x)
	if math.Abs(sum-want) > 1e-8*want || largest != 21 {
		t.Errorf("largest %v, sum %v, want 21, %v", largest, sum, want)
	}
	y := append([]float32(nil), x...)
	ExpScale(y, largest, 0.25)
	if e := relative(y, func(i int) float64 { return 0.25 * math.Exp(float64(x[i])-21) }); e > 3e-6 {
		t.Errorf("ExpScale is off by %.1e", e)
	}
}

func TestRMSNorm(t *testing.T) {
	const n = 899
	x, w, dy, dx, y := normal(1, n, 2), normal(2, n, 1), normal(3, n, 1), make([]float32, n), make([]float32, n)
	rstd := RMSNorm(y, x, w, 1e-6)
	sq, dot := 0.0, 0.0
	for i, v := range x {
		sq += float64(v) * float64(v)
		dot += float64(v) * float64(dy[i]) * float64(w[i])
	}
	r := 1 / math.Sqrt(sq/n+1e-6)
	if math.Abs(float64(rstd)-r) > 6e-8*r {
		t.Errorf("rstd %v, want %v", rstd, r)
	}
	if e := relative(y, func(i int) float64 { return float64(w[i]) * float64(x[i]) * r }); e > 3e-7 {
		t.Errorf("y is off by %.1e", e)
	}
	RMSNormBackward(dx, dy, x, w, rstd)
	for i, v := range dx {
		want := r * (float64(dy[i])*float64(w[i]) - float64(x[i])*r*r*dot/n)
		if math.Abs(float64(v)-want) > 1e-6 {
			t.Errorf("dx[%d] = %v, want %v", i, v, want)
		}
	}
}
