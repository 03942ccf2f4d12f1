package optim

import (
	"gonum.org/v1/gonum/mat"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Riemann is AdamW on gradients preconditioned by the other factor (Zhang and
// Pilanci, arXiv 2402.02347), in the form of PEFT's create_riemannian_optimizer:
//
//	g_A ← (BᵀB + δI)⁺·g_A   g_B ← g_B·(AAᵀ + δI)⁺
//
// Both factors are those from before the step; with Hyper.UpdatedFactors A
// takes its step first and g_B sees the new A, as in the authors' GPT-2 code.
// Without Hyper.CorrectBias the moments are used as they are, as in their
// Mistral training. The inverses (R, R) are computed in float64; ⁺ is the
// pseudo-inverse, so that δ = 0 and B = 0 give no update instead of an infinite
// one. Step overwrites the gradients.
type Riemann struct{ *AdamW }

func newRiemann(pairs []Pair, hp Hyper) *Riemann {
	return &Riemann{newAdamW(nameRiemann, pairs, hp)}
}

// Step implements Optimizer.
func (o *Riemann) Step(lr float64) {
	o.step++
	c := o.scalars(lr)
	if !o.hp.CorrectBias {
		c.RootBias, c.Rate = 1, float32(-lr)
	}
	parallel.For(len(o.pairs), func(i int) {
		p, s := o.pairs[i], o.moments[i]
		g := tensor.New(p.A.Grad.Rows, p.A.Grad.Cols)
		tensor.MatMul(g, o.inverse(gramOfColumns(p.B.Value)), p.A.Grad, false)
		p.A.Grad.CopyFrom(g)
		if o.hp.UpdatedFactors {
			update(&c, p.A, s.a)
		}
		g = tensor.New(p.B.Grad.Rows, p.B.Grad.Cols)
		tensor.MatMul(g, p.B.Grad, o.inverse(gramOfRows(p.A.Value)), false)
		p.B.Grad.CopyFrom(g)
		if !o.hp.UpdatedFactors {
			update(&c, p.A, s.a)
		}
		update(&c, p.B, s.b)
	})
}

// inverse is the pseudo-inverse of gram + δI, rounded once.
func (o *Riemann) inverse(gram *mat.SymDense) tensor.Matrix {
	w, q := eigen(gram)
	largest := 0.0
	for i := range w {
		w[i] += o.hp.Reg
		largest = max(largest, w[i])
	}
	cut := float64(len(w)) * 0x1p-52 * largest
	return narrow(spectral(w, q, func(w float64) float64 {
		if w <= cut {
			return 0
		}
		return 1 / w
	}), 1)
}
