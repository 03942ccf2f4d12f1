package optim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stablelora/stablelora/internal/tensor"
)

// With δ far above BᵀB and AAᵀ the preconditioner is 1/δ, which AdamW without ε
// divides out.
func TestRiemannOfLargeRegIsAdamW(t *testing.T) {
	large := with(func(hp *Hyper) { hp.Eps, hp.Reg = 0, 0x1p40 })
	pa, pr := randomPairs(4), randomPairs(4)
	a, r := mustNew(t, "adamw", pa, large), mustNew(t, "riemann", pr, large)
	run(a, pa, 0, 20)
	run(r, pr, 0, 20)
	for i := range pa {
		if d := max(difference(pa[i].A.Value, pr[i].A.Value), difference(pa[i].B.Value, pr[i].B.Value)); d > 1e-6 {
			t.Errorf("pair %d differs by %.1e", i, d)
		}
	}
	same := with(func(hp *Hyper) { hp.Eps, hp.Reg = 0, .01 })
	pr = randomPairs(4)
	r = mustNew(t, "riemann", pr, same)
	run(r, pr, 0, 20)
	if d := difference(pa[0].A.Value, pr[0].A.Value); d < 1e-3 {
		t.Errorf("a small δ differs by %.1e only", d)
	}
}

// LoRA-RITE takes the same steps of B·A from (A, B) and from (T·A, B·T⁻¹); AdamW
// does not.
func TestRITEIsInvariant(t *testing.T) {
	const lr = 0.02
	moved := func(optimizer string, transform bool) [][]float64 {
		r := rand.New(rand.NewPCG(5, 5))
		p := Pair{"m", tensor.NewParam("A", 2, 6), tensor.NewParam("B", 5, 2)}
		fill(p.A.Value, r, 1)
		fill(p.B.Value, r, 1)
		if transform { // T = [2 1; -1 1], T⁻¹ = [1 -1; 1 2]/3
			a, b := p.A.Value, p.B.Value
			for j := range a.Cols {
				x, y := a.Row(0)[j], a.Row(1)[j]
				a.Row(0)[j], a.Row(1)[j] = 2*x+y, y-x
			}
			for i := range b.Rows {
				x, y := b.Row(i)[0], b.Row(i)[1]
				b.Row(i)[0], b.Row(i)[1] = (x+y)/3, (2*y-x)/3
			}
		}
		o := mustNew(t, optimizer, []Pair{p}, with(func(hp *Hyper) { hp.WeightDecay, hp.Escape = 0, true }))
		start := productBA(p)
		for range 8 {
			g := make([][]float64, 5)
			for i := range g {
				for range 6 {
					g[i] = append(g[i], r.NormFloat64()/4)
				}
			}
			lossGrads(p, g, 1)
			o.Step(lr)
		}
		end := productBA(p)
		for i := range end {
			for j := range end[i] {
				end[i][j] -= start[i][j]
			}
		}
		return end
	}
	for optimizer, invariant := range map[string]bool{"lora_rite": true, "adamw": false} {
		plain, transformed := moved(optimizer, false), moved(optimizer, true)
		worst, size := 0.0, 0.0
		for i := range plain {
			for j := range plain[i] {
				worst = max(worst, math.Abs(plain[i][j]-transformed[i][j]))
				size = max(size, math.Abs(plain[i][j]))
			}
		}
		if size < lr || (worst < 2e-5*size) != invariant {
			t.Errorf("%s: the steps of BA differ by %.1e of %.1e", optimizer, worst, size)
		}
	}
}

// At the usual start, B = 0, the partner's inverse is 0 and A stays, but for its
// decay; the bases' and moments' next steps are finite, and A moves in the second.
func TestZeroB(t *testing.T) {
	for _, name := range []string{"riemann", "lora_rite"} {
		for _, reg := range []float64{0, .01} {
			pairs := randomPairs(6)
			for _, p := range pairs {
				p.B.Value.Zero()
			}
			start := randomPairs(6)
			o := mustNew(t, name, pairs, with(func(hp *Hyper) { hp.WeightDecay, hp.Reg = 0, reg }))
			r := rand.New(rand.NewPCG(8, 8))
			for k := range 3 {
				for _, p := range pairs {
					g := make([][]float64, p.B.Value.Rows)
					for i := range g {
						for range p.A.Value.Cols {
							g[i] = append(g[i], r.NormFloat64()/8)
						}
					}
					lossGrads(p, g, 2)
				}
				o.Step(0.01)
				for i, p := range pairs {
					if d := difference(p.A.Value, start[i].A.Value); (d == 0) != (k == 0) {
						t.Errorf("%s δ %v step %d: A of %s moved by %v", name, reg, k+1, p.Name, d)
					}
					if d := FrobeniusNorm(p.B.Value); !(d > 0 && d < 1) {
						t.Errorf("%s δ %v step %d: B of %s has norm %v", name, reg, k+1, p.Name, d)
					}
				}
			}
			mustBeFinite(t, name, o, pairs)
		}
	}
}

// Factors of lower rank, of rank 0, and so small that the inverse leaves float32
// give finite steps.
func TestDegenerateFactors(t *testing.T) {
	for what, spoil := range map[string]func(Pair){
		"equal rows of A and columns of B": func(p Pair) {
			for k := range p.A.Value.Rows {
				copy(p.A.Value.Row(k), p.A.Value.Row(0))
				for i := range p.B.Value.Rows {
					p.B.Value.Row(i)[k] = p.B.Value.Row(i)[0]
				}
			}
		},
		"A = B = 0":      func(p Pair) { p.A.Value.Zero(); p.B.Value.Zero() },
		"subnormal B":    func(p Pair) { p.B.Value.Scale(1e-40) },
		"tiny B":         func(p Pair) { p.B.Value.Scale(1e-30) },
		"huge A, tiny B": func(p Pair) { p.A.Value.Scale(1e15); p.B.Value.Scale(1e-15) },
	} {
		for _, name := range []string{"riemann", "lora_rite"} {
			for _, hp := range []Hyper{
				with(func(hp *Hyper) { hp.Reg = 0 }),
				with(func(hp *Hyper) { hp.Reg, hp.ClipUnmagnified, hp.SkipUpdate, hp.Escape = 1e-6, 0, 0, true }),
			} {
				pairs := randomPairs(9)
				for _, p := range pairs {
					spoil(p)
				}
				o := mustNew(t, name, pairs, hp)
				for k := range 3 {
					randomGrads(pairs, uint64(k))
					for _, p := range pairs { // as small as B makes them
						p.A.Grad.Scale(float32(min(1, FrobeniusNorm(p.B.Value))))
					}
					o.Step(1e-3)
				}
				mustBeFinite(t, fmt.Sprintf("%s, %s %+v", what, name, hp), o, pairs)
			}
		}
	}
}

func mustBeFinite(t *testing.T, what string, o Optimizer, pairs []Pair) {
	t.Helper()
	check := func(name string, m tensor.Matrix) {
		if x := FrobeniusNorm(m); math.IsNaN(x) || math.IsInf(x, 0) {
			t.Errorf("%s: %s has norm %v", what, name, x)
		}
	}
	for _, p := range pairs {
		check(p.Name+".A", p.A.Value)
		check(p.Name+".B", p.B.Value)
	}
	for _, x := range o.Tensors() {
		check(x.Name, x.Value)
	}
}

// difference is the largest absolute one.
func difference(a, b tensor.Matrix) float64 {
	d := 0.0
	for i, v := range a.Data {
		d = max(d, math.Abs(float64(v)-float64(b.Data[i])))
	}
	return d
}

// productBA is B·A in float64.
func productBA(p Pair) [][]float64 {
	out := make([][]float64, p.B.Value.Rows)
	for i := range out {
		out[i] = make([]float64, p.A.Value.Cols)
		for k, b := range p.B.Value.Row(i) {
			for j, a := range p.A.Value.Row(k) {
				out[i][j] += float64(b) * float64(a)
			}
		}
	}
	return out
}
