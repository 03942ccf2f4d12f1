package optim

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
)

// LoRARITE is transformation-invariant preconditioning of LoRA (Yen et al.,
// arXiv 2410.20625), in the form of the authors' PyTorch code. Both factors are
// seen wide, A (R, n) as it is and B (m, R) transposed, and decomposed,
// A = L_A·Q_A. One step t of A, in terms of its partner B; of B likewise:
//
//	u = L_B⁺·g_A                       the gradient that an orthonormal B would give
//	u ← 0 where rms(u) > SkipUpdate;   all u ← u·min(1, ClipUnmagnified/‖all u‖)
//	P = Q_B,t·Q_B,t-1ᵀ                 from the partner's old basis to its new
//	V ← (1-b2)·u·uᵀ/n + b2·P·V·Pᵀ
//	M ← (1-b1)·(√(V+ρI) + εI)⁻¹·u + b1·P·M
//	A ← A - lr·(L_B⁺ᵀ·M + wd·A)
//
// with b = β(1-βᵗ⁻¹)/(1-βᵗ), which corrects the bias. Eigenvalues of V below 0,
// which are rounding, count as 0. Both factors use the bases from before the
// step. With B = 0, u and the step of A are 0: L_B⁺ is.
//
// Its state is as large as AdamW's, and r by r matrices. Step overwrites the
// gradients.
type LoRARITE struct {
	core
	states []pairRITE
}

type pairRITE struct{ a, b riteState }

// riteState is what is remembered of one factor, K' the rank of its partner.
type riteState struct {
	basis   tensor.Matrix // Q (K, width) of the factor itself
	mean    tensor.Matrix // M (K', width)
	second  tensor.Matrix // V (K', K')
	escaped tensor.Matrix // ρ (1, 1)
}

// newRITEState is that of a factor (rank, width) whose partner is (rank,
// partnerWidth).
func newRITEState(rank, width, partnerWidth int) riteState {
	k := min(rank, partnerWidth)
	return riteState{tensor.New(min(rank, width), width), tensor.New(k, width), tensor.New(k, k), tensor.New(1, 1)}
}

func newLoRARITE(pairs []Pair, hp Hyper) *LoRARITE {
	o := &LoRARITE{core: core{name: nameLoRARITE, pairs: pairs, hp: hp}}
	for _, p := range pairs {
		r, n, m := p.A.Value.Rows, p.A.Value.Cols, p.B.Value.Rows
		o.states = append(o.states, pairRITE{newRITEState(r, n, m), newRITEState(r, m, n)})
	}
	return o
}

// Step implements Optimizer. It passes twice over the pairs, since clipping
// needs the norm of all.
func (o *LoRARITE) Step(lr float64) {
	o.step++
	sides := make([][2]riteSide, len(o.pairs))
	parallel.For(len(o.pairs), func(i int) { sides[i] = o.unmagnify(i) })
	squares := 0.0
	for _, s := range sides {
		squares += s[0].squares + s[1].squares
	}
	clip := 1.0
	if norm := math.Sqrt(squares); o.hp.ClipUnmagnified > 0 && norm > o.hp.ClipUnmagnified {
		clip = o.hp.ClipUnmagnified / norm
	}
	parallel.For(len(o.pairs), func(i int) {
		p, s, side := o.pairs[i], &o.states[i], &sides[i]
		capA, capB := o.mean(&s.a, &side[0], clip), o.mean(&s.b, &side[1], clip)
		delta := tensor.New(p.A.Value.Rows, p.A.Value.Cols)
		tensor.TMatMul(delta, side[0].inverse, s.a.mean, false) // (R, n)
		o.move(p.A.Value, delta, capA, lr)
		delta = tensor.New(p.B.Value.Rows, p.B.Value.Cols)
		tensor.TMatMul(delta, s.b.mean, side[1].inverse, false) // (m, R)
		o.move(p.B.Value, delta, capB, lr)
		if o.hp.Balance {
			balance(p)
		}
	})
}

// riteSide is what the first pass finds for one factor.
type riteSide struct {
	u       tensor.Matrix // (K', width), in the memory of the gradient
	squares float64       // ‖u‖²
	turn    *mat.Dense    // P
	inverse tensor.Matrix // L⁺ (K', R) of the partner
}

// unmagnify does the first pass for pair i, A's side and B's.
func (o *LoRARITE) unmagnify(i int) (sides [2]riteSide) {
	p, s := o.pairs[i], &o.states[i]
	la, qa := lq(widen(p.A.Value, false))
	lb, qb := lq(widen(p.B.Value, true))
	a, b := &sides[0], &sides[1]
	a.turn, b.turn = rowProducts(qb, s.b.basis), rowProducts(qa, s.a.basis)
	s.a.basis.CopyFrom(qa)
	s.b.basis.CopyFrom(qb)
	a.inverse, b.inverse = narrow(pinv(lb), 1), narrow(pinv(la), 1)

	u := tensor.New(qb.Rows, qa.Cols)
	tensor.MatMul(u, a.inverse, p.A.Grad, false)
	a.keep(u, p.A.Grad, o.hp.SkipUpdate)
	u = tensor.New(qa.Rows, qb.Cols)
	tensor.MatMulT(u, b.inverse, p.B.Grad, false)
	b.keep(u, p.B.Grad, o.hp.SkipUpdate)
	return sides
}

// keep stores u in the memory of the gradient, or zeros where its root mean
// square is above skip or not finite.
func (s *riteSide) keep(u, grad tensor.Matrix, skip float64) {
	s.u = tensor.FromSlice(u.Rows, u.Cols, grad.Data[:u.Rows*u.Cols])
	s.squares = tensor.SumSquares(u)
	rms := math.Sqrt(s.squares / float64(u.Rows*u.Cols))
	if math.IsNaN(rms) || math.IsInf(rms, 0) || skip > 0 && rms > skip {
		s.squares = 0
		s.u.Zero()
		return
	}
	s.u.CopyFrom(u)
}

// mean updates V, ρ and M of a factor from clip·u. It returns by what the step
// must be multiplied so that the root mean square of M stays below CapUpdate.
func (o *LoRARITE) mean(s *riteState, side *riteSide, clip float64) float64 {
	b1, b2 := o.decay(o.hp.Beta1), o.decay(o.hp.Beta2)
	turned := symmetric(product(side.turn, widen(s.second, false), side.turn.T()))
	if o.hp.Escape {
		e := escapedMass(symmetric(widen(s.second, false)), turned)
		s.escaped.Data[0] = finite32(b2 * (float64(s.escaped.Data[0]) + e))
	}
	turned.ScaleSym(b2, turned)
	second := gramOfRows(side.u)
	second.ScaleSym((1-b2)*clip*clip/float64(side.u.Cols), second)
	second.AddSym(second, turned)
	s.second.CopyFrom(narrow(mat.DenseCopyOf(second), 1))

	root := o.inverseRoot(second, float64(s.escaped.Data[0]))
	m := tensor.New(s.mean.Rows, s.mean.Cols)
	tensor.MatMul(m, narrow(root, (1-b1)*clip), side.u, false)
	tensor.MatMul(m, narrow(side.turn, b1), s.mean, true)
	s.mean.CopyFrom(m)
	if o.hp.CapUpdate == 0 {
		return 1
	}
	rms := math.Sqrt(tensor.SumSquares(m) / float64(m.Rows*m.Cols))
	return 1 / max(1, rms/o.hp.CapUpdate)
}

// decay is β corrected for the bias of the first steps (Shazeer and Stern, arXiv
// 1804.04235, §7.1).
func (o *LoRARITE) decay(beta float64) float64 {
	t := float64(o.step)
	return beta * (1 - math.Pow(beta, t-1)) / (1 - math.Pow(beta, t))
}

// inverseRoot is (√(V+ρI) + εI)⁻¹.
func (o *LoRARITE) inverseRoot(v *mat.SymDense, escaped float64) *mat.Dense {
	w, q := eigen(v)
	return spectral(w, q, func(w float64) float64 {
		root := math.Sqrt(max(w, 0)+escaped) + o.hp.Eps
		if root == 0 {
			return 0
		}
		return 1 / root
	})
}

// escapedMass is how much of the second moment a change of basis has lost.
func escapedMass(old, turned *mat.SymDense) float64 {
	before, _ := eigen(old)
	after, _ := eigen(turned)
	largest := 0.0
	for i := range before {
		largest = max(largest, before[i]-after[i])
	}
	return min(largest, max(0, mat.Trace(old)-mat.Trace(turned)))
}

// move takes the step θ ← θ - lr·(scale·Δ + wd·θ).
func (o *LoRARITE) move(theta, delta tensor.Matrix, scale, lr float64) {
	c, wd, rate := float32(scale), float32(o.hp.WeightDecay), float32(lr)
	for i, d := range delta.Data {
		v := theta.Data[i]
		d = float32(c*d) + float32(wd*v)
		theta.Data[i] = v - float32(rate*d)
	}
}

// balance gives both factors the geometric mean of their Frobenius norms.
func balance(p Pair) {
	a, b := FrobeniusNorm(p.A.Value)+1e-6, FrobeniusNorm(p.B.Value)+1e-6
	mean := math.Sqrt(a * b)
	p.A.Value.Scale(float32(mean / a))
	p.B.Value.Scale(float32(mean / b))
}

// Tensors implements Optimizer.
func (o *LoRARITE) Tensors() []NamedTensor {
	var ts []NamedTensor
	for i, p := range o.pairs {
		add := func(factor string, s riteState) {
			ts = append(ts,
				NamedTensor{p.Name + factor + ".basis", s.basis}, NamedTensor{p.Name + factor + ".exp_avg", s.mean},
				NamedTensor{p.Name + factor + ".exp_avg_sq", s.second}, NamedTensor{p.Name + factor + ".escaped", s.escaped})
		}
		add(".A", o.states[i].a)
		add(".B", o.states[i].b)
	}
	return ts
}
