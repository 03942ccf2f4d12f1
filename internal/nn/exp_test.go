package nn

import (
	"math"
	"testing"
)

func TestExp(t *testing.T) {
	worst := 0.0
	for i := -873365; i <= 887228; i++ {
		x := float32(i) / 10000
		want := math.Exp(float64(x))
		got := float64(exp(x))
		ulp := float64(math.Nextafter32(float32(want), math.MaxFloat32)) - float64(float32(want))
		worst = max(worst, math.Abs(got-want)/ulp)
	}
	if worst > 0.501 {
		t.Errorf("error of %.3f units in the last place", worst)
	}
	inf := float32(math.Inf(1))
	for _, c := range []struct{ x, want float32 }{{0, 1}, {-inf, 0}, {inf, inf}, {-1000, 0}, {100, inf}} {
		if got := exp(c.x); got != c.want {
			t.Errorf("exp(%v) = %v, want %v", c.x, got, c.want)
		}
	}
	if nan := exp(float32(math.NaN())); nan == nan {
		t.Errorf("exp(NaN) = %v", nan)
	}
}

func TestSigmoid(t *testing.T) {
	for i := -1200; i <= 1200; i++ {
		z := float32(i) / 10
		want := 1 / (1 + math.Exp(-float64(z)))
		if got := float64(sigmoid(z)); math.Abs(got-want) > 2e-7*want+2e-38 { // exp is 0 below 1.2e-38
			t.Fatalf("sigmoid(%v) = %v, want %v", z, got, want)
		}
	}
}
