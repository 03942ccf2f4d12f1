package optim

import (
	"math"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
	"github.com/stablelora/stablelora/internal/vec"
)

// AdamW is torch.optim.AdamW (Loshchilov and Hutter, arXiv 1711.05101), for
// each factor θ with gradient g at step t:
//
//	θ ← θ·(1 - lr·wd)
//	m ← m + (1-β1)(g - m)
//	v ← β2·v + (1-β2)·g²
//	θ ← θ - lr/(1-β1ᵗ) · m / (√v/√(1-β2ᵗ) + ε)
type AdamW struct {
	core
	moments []pairMoments
}

type pairMoments struct{ a, b moments }

// moments are the running means of g (m) and g² (v), in the shape of a factor.
type moments struct{ m, v tensor.Matrix }

func newMoments(p *tensor.Param) moments {
	return moments{tensor.New(p.Value.Rows, p.Value.Cols), tensor.New(p.Value.Rows, p.Value.Cols)}
}

func newAdamW(name string, pairs []Pair, hp Hyper) *AdamW {
	o := &AdamW{core: core{name: name, pairs: pairs, hp: hp}}
	for _, p := range pairs {
		o.moments = append(o.moments, pairMoments{newMoments(p.A), newMoments(p.B)})
	}
	return o
}

// Step implements Optimizer.
func (o *AdamW) Step(lr float64) { o.advance(lr, lr) }

// advance takes the step of every A with one learning rate and of every B with
// another.
func (o *AdamW) advance(lrA, lrB float64) {
	o.step++
	a, b := o.scalars(lrA), o.scalars(lrB)
	parallel.For(len(o.pairs), func(i int) {
		p, s := o.pairs[i], o.moments[i]
		update(&a, p.A, s.a)
		update(&b, p.B, s.b)
	})
}

// scalars computes in float64 and rounds once, as torch does.
func (o *AdamW) scalars(lr float64) vec.AdamW {
	t := float64(o.step)
	return vec.AdamW{
		Decay:    float32(1 - float64(lr*o.hp.WeightDecay)),
		W1:       float32(1 - o.hp.Beta1),
		Beta2:    float32(o.hp.Beta2),
		W2:       float32(1 - o.hp.Beta2),
		RootBias: float32(math.Sqrt(1 - math.Pow(o.hp.Beta2, t))),
		Eps:      float32(o.hp.Eps),
		Rate:     float32(-lr / (1 - math.Pow(o.hp.Beta1, t))),
	}
}

// update takes the step of one factor. Parameters and moments are whole
// matrices: their elements lie side by side.
func update(c *vec.AdamW, p *tensor.Param, s moments) {
	c.Update(p.Value.Data, p.Grad.Data, s.m.Data, s.v.Data)
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
