package nn

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/rng"
	"github.com/stablelora/stablelora/internal/tensor"
	"github.com/stablelora/stablelora/internal/vec"
)

// Linear computes y = x·Wᵀ + b with W (out, in) and b (out) frozen and, where
// LoRA is set, y += s·(x·Aᵀ)·Bᵀ (Hu et al. 2021).
type Linear struct {
	Name string // as in the checkpoint, without ".weight"
	W    *tensor.Weight
	Bias []float32 // nil: none
	LoRA *LoRA     // nil: not adapted
}

// LoRA is the low-rank term of an adapted layer.
type LoRA struct {
	A, B    *tensor.Param // (R, in), (out, R)
	Scale   float32       // s
	Dropout float64       // on the input of A, in training only
	Probe   tensor.Matrix // the pass's first inputs, see Pass.ProbeRows
}

// LinearCache is what Backward needs of an adapted layer's forward pass; it is
// empty where the layer is not adapted.
type LinearCache struct {
	h tensor.Matrix // (N, R): s·x·Aᵀ
}

// NewCache returns the cache of a pass with the given number of rows.
func (l *Linear) NewCache(rows int, a *tensor.Arena) *LinearCache {
	if l.LoRA == nil {
		return &LinearCache{}
	}
	return &LinearCache{a.Alloc(rows, l.LoRA.A.Value.Rows)}
}

// Forward writes y (N, out) from x (N, in).
func (l *Linear) Forward(y, x tensor.Matrix, c *LinearCache, p *Pass, a *tensor.Arena) {
	if p.Decode {
		l.decode(y, x, c)
		return
	}
	p.Lap(Rest)
	tensor.MulT(y, x, l.W)
	p.Lap(LinearForward)
	if l.Bias != nil {
		parallel.Range(y.Rows, rowGrain, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				vec.Add(y.Row(i), l.Bias)
			}
		})
	}
	if l.LoRA == nil {
		return
	}
	p.Lap(Rest)
	if p.ProbeRows > 0 {
		l.LoRA.probe(x.RowRange(0, min(p.ProbeRows, p.Starts[1])))
	}
	m := a.Mark()
	tensor.MatMulT(c.h, l.dropped(x, p, a), l.LoRA.A.Value, false)
	a.Release(m)
	c.h.Scale(l.LoRA.Scale)
	tensor.MatMulT(y, c.h, l.LoRA.B.Value, true)
	p.Lap(LowRank)
}

// Backward writes dx = dy·W + s·(dy·B)·A, or adds it where acc is set, and
// hands the gradients of A and B to their sums, one term for each sequence:
//
//	gB = dyᵀ·(s·x·Aᵀ)      gA = (s·dy·B)ᵀ·x
//
// x is the input of the forward pass. dx with no rows leaves it out: no adapted
// layer lies below.
func (l *Linear) Backward(dx, dy, x tensor.Matrix, acc bool, c *LinearCache, p *Pass, a *tensor.Arena) {
	p.Lap(Rest)
	needDX := dx.Rows > 0
	if needDX {
		tensor.Mul(dx, dy, l.W, acc)
		p.Lap(LinearBackward)
	}
	if l.LoRA == nil {
		return
	}
	m := a.Mark()
	defer a.Release(m)
	A, B := l.LoRA.A, l.LoRA.B
	dh := a.Alloc(dy.Rows, A.Value.Rows)
	tensor.MatMul(dh, dy, B.Value, false)
	dh.Scale(l.LoRA.Scale)
	xd := l.dropped(x, p, a)
	for e := range p.Sequences() {
		tensor.TMatMul(A.Sum.Next(), p.Sequence(dh, e), p.Sequence(xd, e), false)
		A.Sum.Push()
		tensor.TMatMul(B.Sum.Next(), p.Sequence(dy, e), p.Sequence(c.h, e), false)
		B.Sum.Push()
	}
	switch {
	case !needDX:
	case l.drops(p):
		d := a.Alloc(x.Rows, x.Cols)
		tensor.MatMul(d, dh, A.Value, false)
		l.dropout(d, d, p)
		dx.Add(d)
	default:
		tensor.MatMul(dx, dh, A.Value, true)
	}
	p.Lap(LowRank)
}

func (l *Linear) drops(p *Pass) bool { return p.Train && l.LoRA.Dropout > 0 }

// dropped returns x as A sees it.
func (l *Linear) dropped(x tensor.Matrix, p *Pass, a *tensor.Arena) tensor.Matrix {
	if !l.drops(p) {
		return x
	}
	xd := a.Alloc(x.Rows, x.Cols)
	l.dropout(xd, x, p)
	return xd
}

// dropout writes y = x ⊙ mask/(1−rate). The mask of a token is a function of
// (seed, module, step, place of its sequence in the batch, its own place).
func (l *Linear) dropout(y, x tensor.Matrix, p *Pass) {
	rate := l.LoRA.Dropout
	limit := uint32(rate * (1 << 32))
	scale := float32(1 / (1 - rate))
	for e := range p.Sequences() {
		start := p.Starts[e]
		parallel.Range(p.Starts[e+1]-start, rowGrain, func(lo, hi int) {
			for i := start + lo; i < start+hi; i++ {
				s := rng.New(p.Seed, "dropout/"+l.Name, uint64(p.Step), uint64(p.First+e), uint64(p.place(i, start)))
				yi, xi := y.Row(i), x.Row(i)
				for j, v := range xi {
					if uint32(s.Uint64()>>32) < limit {
						yi[j] = 0
					} else {
						yi[j] = v * scale
					}
				}
			}
		})
	}
}

// probe keeps a copy of x.
func (o *LoRA) probe(x tensor.Matrix) {
	if o.Probe.Rows != x.Rows {
		o.Probe = tensor.New(x.Rows, x.Cols)
	}
	o.Probe.CopyFrom(x)
}

// Attach makes the layer adapted. A must be (R, in) and B (out, R).
func (l *Linear) Attach(o *LoRA) {
	a, b := o.A.Value, o.B.Value
	if a.Cols != l.W.Cols || b.Rows != l.W.Rows || a.Rows != b.Cols {
		panic(fmt.Sprintf("nn: %s (%d, %d) with A (%d, %d) and B (%d, %d)",
			l.Name, l.W.Rows, l.W.Cols, a.Rows, a.Cols, b.Rows, b.Cols))
	}
	l.LoRA = o
}
