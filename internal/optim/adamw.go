package optim

import (
	"fmt"
	"math"

	"github.com/stablelora/stablelora/internal/tensor"
)

const nameAdamW = "adamw"

// AdamW is torch.optim.AdamW (Loshchilov and Hutter, arXiv 1711.05101), for
// each factor θ with gradient g at step t:
//
//	θ ← θ·(1 - lr·wd)
//	m ← m + (1-β1)(g - m)
//	v ← β2·v + (1-β2)·g²
//	θ ← θ - lr/(1-β1ᵗ) · m / (√v/√(1-β2ᵗ) + ε)
type AdamW struct {
	name    string
	pairs   []Pair
	hp      Hyper
	step    int // steps done
	moments []pairMoments
}

type pairMoments struct{ a, b moments }

// moments are the running means of g (m) and g² (v), in the shape of a factor.
type moments struct{ m, v tensor.Matrix }

func newMoments(p *tensor.Param) moments {
	return moments{tensor.New(p.Value.Rows, p.Value.Cols), tensor.New(p.Value.Rows, p.Value.Cols)}
}

func newAdamW(name string, pairs []Pair, hp Hyper) *AdamW {
	o := &AdamW{name: name, pairs: pairs, hp: hp}
	for _, p := range pairs {
		o.moments = append(o.moments, pairMoments{newMoments(p.A), newMoments(p.B)})
	}
	return o
}

// Step implements Optimizer.
func (o *AdamW) Step(lr float64) {
	o.step++
	c := o.scalars(lr)
	for i, p := range o.pairs {
		c.update(p.A, o.moments[i].a)
		c.update(p.B, o.moments[i].b)
	}
}

// adamScalars are the numbers of one step that all elements share, computed in
// float64 and rounded once, as torch does.
type adamScalars struct {
	decay  float32 // 1 - lr·wd
	w1     float32 // 1 - β1
	b2, w2 float32 // β2, 1 - β2
	rootC2 float32 // √(1 - β2ᵗ)
	eps    float32
	rate   float32 // -lr/(1 - β1ᵗ)
}

func (o *AdamW) scalars(lr float64) adamScalars {
	t := float64(o.step)
	return adamScalars{
		decay:  float32(1 - float64(lr*o.hp.WeightDecay)),
		w1:     float32(1 - o.hp.Beta1),
		b2:     float32(o.hp.Beta2),
		w2:     float32(1 - o.hp.Beta2),
		rootC2: float32(math.Sqrt(1 - math.Pow(o.hp.Beta2, t))),
		eps:    float32(o.hp.Eps),
		rate:   float32(-lr / (1 - math.Pow(o.hp.Beta1, t))),
	}
}

func (c adamScalars) update(p *tensor.Param, s moments) {
	for i := range p.Value.Rows {
		theta, grad, m, v := p.Value.Row(i), p.Grad.Row(i), s.m.Row(i), s.v.Row(i)
		for j, g := range grad {
			m[j] = lerp(m[j], g, c.w1)
			v[j] = float32(v[j]*c.b2) + float32(float32(c.w2*g)*g)
			denom := float32(float32(math.Sqrt(float64(v[j])))/c.rootC2) + c.eps
			theta[j] = float32(theta[j]*c.decay) + float32(float32(c.rate*m[j])/denom)
		}
	}
}

// lerp goes the share w of the way from x to y. It starts from the nearer end,
// as torch.lerp does, so that w = 1 gives y exactly.
func lerp(x, y, w float32) float32 {
	if w < 0.5 {
		return x + float32(w*(y-x))
	}
	return y + float32((w-1)*(y-x))
}

// Tensors implements Optimizer: exp_avg and exp_avg_sq of each factor.
func (o *AdamW) Tensors() []NamedTensor {
	var ts []NamedTensor
	for i, p := range o.pairs {
		s := o.moments[i]
		ts = append(ts,
			NamedTensor{p.Name + ".A.exp_avg", s.a.m}, NamedTensor{p.Name + ".A.exp_avg_sq", s.a.v},
			NamedTensor{p.Name + ".B.exp_avg", s.b.m}, NamedTensor{p.Name + ".B.exp_avg_sq", s.b.v})
	}
	return ts
}

// State implements Optimizer.
func (o *AdamW) State() State { return State{Optimizer: o.name, Step: o.step} }

// Restore implements Optimizer.
func (o *AdamW) Restore(s State) error {
	if s.Optimizer != o.name {
		return fmt.Errorf("this is the state of optimizer %q, the run uses %q", s.Optimizer, o.name)
	}
	if s.Step < 0 {
		return fmt.Errorf("step is %d, must be at least 0", s.Step)
	}
	o.step = s.Step
	return nil
}
