package model

import (
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Block is one decoder layer:
//
//	n = InputLayerNorm(x)
//	o = attention(RoPE(QProj(n)), RoPE(KProj(n)), VProj(n))
//	h = x + OProj(o)
//	m = PostAttentionLayerNorm(h)
//	y = h + DownProj(silu(GateProj(m)) ⊙ UpProj(m))
//
// Qwen3 normalises every head of q and k before the rotation. Only keys and
// values are read across rows: of the last block, q and all that follows are
// computed on just the rows that predict something.
type Block struct {
	InputLayerNorm, PostAttentionLayerNorm *nn.RMSNorm

	QProj, KProj, VProj, OProj  *nn.Linear
	GateProj, UpProj, DownProj  *nn.Linear
	QNorm, KNorm                *nn.RMSNorm // over a head's width; nil: none
	attention                   *nn.Attention
	rope                        *nn.RoPE
	width, qCols, kvCols, mlpIn int // D, H·K, G·K, F
}

// activations is what a block's backward pass needs of its forward pass: N rows
// go in, the M that are asked for come out.
type activations struct {
	x, k, v      tensor.Matrix // (N, D), (N, G·K) twice; k rotated
	q, o         tensor.Matrix // (M, H·K) twice; q rotated
	h, gate, up  tensor.Matrix // (M, D), (M, F) twice
	qRaw, kRaw   tensor.Matrix // before QNorm and KNorm
	rstdX, rstdH []float32     // (N), (M)
	rstdQ, rstdK []float32     // (M·H), (N·G)

	qc, kc, vc, oc, gc, uc, dc *nn.LinearCache
}

func (b *Block) newActivations(x tensor.Matrix, r rows, a *tensor.Arena) *activations {
	n, m := r.in.Rows(), r.out.Rows()
	c := &activations{
		x: x, k: a.Alloc(n, b.kvCols), v: a.Alloc(n, b.kvCols), q: a.Alloc(m, b.qCols),
		h: a.Alloc(m, b.width), gate: a.Alloc(m, b.mlpIn), up: a.Alloc(m, b.mlpIn),
		rstdX: a.Floats(n), rstdH: a.Floats(m),
		qc: b.QProj.NewCache(m, a), kc: b.KProj.NewCache(n, a), vc: b.VProj.NewCache(n, a), oc: b.OProj.NewCache(m, a),
		gc: b.GateProj.NewCache(m, a), uc: b.UpProj.NewCache(m, a), dc: b.DownProj.NewCache(m, a),
	}
	if adapted(b.OProj) {
		c.o = a.Alloc(m, b.qCols)
	}
	c.qRaw, c.kRaw = c.q, c.k
	if b.QNorm != nil {
		c.qRaw, c.kRaw = a.Alloc(m, b.qCols), a.Alloc(n, b.kvCols)
		c.rstdQ, c.rstdK = a.Floats(m*b.attention.Heads), a.Floats(n*b.attention.KVHeads)
	}
	return c
}

// forward writes the block's output y (M, D) and fills c.
func (b *Block) forward(y tensor.Matrix, c *activations, r rows, a *tensor.Arena) {
	m := a.Mark()
	defer a.Release(m)
	o := c.o
	if o.Rows == 0 {
		o = a.Alloc(c.q.Rows, b.qCols)
	}
	b.forwardAttention(o, c, r, a)
	b.OProj.Forward(c.h, o, c.oc, r.out, a)
	c.h.Add(r.pick(c.x, a))
	norm, act := a.Alloc(c.h.Rows, b.width), a.Alloc(c.h.Rows, b.mlpIn)
	b.PostAttentionLayerNorm.Forward(norm, c.h, c.rstdH)
	b.GateProj.Forward(c.gate, norm, c.gc, r.out, a)
	b.UpProj.Forward(c.up, norm, c.uc, r.out, a)
	nn.SwiGLU(act, c.gate, c.up)
	b.DownProj.Forward(y, act, c.dc, r.out, a)
	y.Add(c.h)
}

func (b *Block) forwardAttention(o tensor.Matrix, c *activations, r rows, a *tensor.Arena) {
	m := a.Mark()
	defer a.Release(m)
	norm := a.Alloc(c.x.Rows, b.width)
	b.InputLayerNorm.Forward(norm, c.x, c.rstdX)
	b.QProj.Forward(c.qRaw, r.pick(norm, a), c.qc, r.out, a)
	b.KProj.Forward(c.kRaw, norm, c.kc, r.in, a)
	b.VProj.Forward(c.v, norm, c.vc, r.in, a)
	if b.QNorm != nil {
		b.QNorm.Forward(b.heads(c.q), b.heads(c.qRaw), c.rstdQ)
		b.KNorm.Forward(b.heads(c.k), b.heads(c.kRaw), c.rstdK)
	}
	if r.batch.caches != nil || r.batch.parents != nil {
		b.attend(o, c, r)
		return
	}
	b.rotate(c.q, c.k, r, (*nn.RoPE).Rotate)
	r.in.Lap(nn.Rest)
	b.attention.ForwardPass(o, c.q, c.k, c.v, r.out, r.in)
	r.in.Lap(nn.AttentionForward)
}

// need says what the backward pass has to compute.
func (b *Block) need(input bool) Need {
	var r Ranks
	for i, l := range b.linears() {
		if l.LoRA != nil {
			r[i] = l.LoRA.A.Value.Rows
		}
	}
	return r.Need(input)
}

// backward writes the gradient of the block's input to dx (N, D), if input says
// that it is needed, from that of its output, d (M, D); both are one matrix
// where all rows come out. d and c are used up.
func (b *Block) backward(dx, d tensor.Matrix, c *activations, input bool, r rows, a *tensor.Arena) {
	m := a.Mark()
	defer a.Release(m)
	n := b.need(input)
	do := gradient(n.O, d.Rows, b.qCols, a)
	b.backwardMLP(do, d, c, n, r.out, a)
	if !r.all() && input {
		r.scatter(dx, d)
	}
	if n.QKV {
		b.backwardAttention(dx, do, c, n, r, a)
	}
}

// backwardMLP replaces d (M, D), the gradient of y, by that of x as far as it
// goes through h, and writes that of o to do (M, H·K).
func (b *Block) backwardMLP(do, d tensor.Matrix, c *activations, n Need, p *nn.Pass, a *tensor.Arena) {
	m := a.Mark()
	defer a.Release(m)
	if n.MLP || adapted(b.DownProj) {
		var act tensor.Matrix
		if adapted(b.DownProj) {
			act = a.Alloc(d.Rows, b.mlpIn)
			nn.SwiGLU(act, c.gate, c.up)
		}
		dact := gradient(n.MLP, d.Rows, b.mlpIn, a)
		b.DownProj.Backward(dact, d, act, false, c.dc, p, a)
		if n.MLP {
			b.backwardGateUp(d, dact, c, n.O, p, a)
		}
	}
	if n.O {
		b.OProj.Backward(do, d, c.o, false, c.oc, p, a)
	}
}

func (b *Block) backwardGateUp(d, dact tensor.Matrix, c *activations, needH bool, p *nn.Pass, a *tensor.Arena) {
	nn.SwiGLUBackward(c.gate, c.up, dact, c.gate, c.up)
	norm := again(b.PostAttentionLayerNorm, c.h, c.rstdH, a, b.GateProj, b.UpProj)
	dn := gradient(needH, d.Rows, b.width, a)
	b.GateProj.Backward(dn, c.gate, norm, false, c.gc, p, a)
	b.UpProj.Backward(dn, c.up, norm, true, c.uc, p, a)
	if needH {
		b.PostAttentionLayerNorm.Backward(d, dn, c.h, c.rstdH)
	}
}

// backwardAttention adds to d (N, D), the gradient of x so far, what comes
// through o, whose gradient is do (M, H·K).
func (b *Block) backwardAttention(d, do tensor.Matrix, c *activations, n Need, r rows, a *tensor.Arena) {
	dq, dk, dv := a.Alloc(do.Rows, b.qCols), gradient(n.K, c.x.Rows, b.kvCols, a), a.Alloc(c.x.Rows, b.kvCols)
	r.in.Lap(nn.Rest)
	b.attention.BackwardPass(dq, dk, dv, do, c.q, c.k, c.v, r.out, r.in)
	r.in.Lap(nn.AttentionBackward)
	b.rotate(dq, dk, r, (*nn.RoPE).Backward)
	if b.QNorm != nil {
		dq = b.normBackward(b.QNorm, dq, c.qRaw, c.rstdQ, a)
		if n.K {
			dk = b.normBackward(b.KNorm, dk, c.kRaw, c.rstdK, a)
		}
	}
	norm := again(b.InputLayerNorm, c.x, c.rstdX, a, b.QProj, b.KProj, b.VProj)
	dn := gradient(n.Input, c.x.Rows, b.width, a)
	dnq := dn
	if !r.all() {
		dnq = gradient(n.Input, do.Rows, b.width, a)
	}
	b.QProj.Backward(dnq, dq, r.pick(norm, a), false, c.qc, r.out, a)
	if !r.all() && n.Input {
		r.scatter(dn, dnq)
	}
	if n.K {
		b.KProj.Backward(dn, dk, norm, true, c.kc, r.in, a)
	}
	b.VProj.Backward(dn, dv, norm, true, c.vc, r.in, a)
	if n.Input {
		b.InputLayerNorm.Backward(d, dn, c.x, c.rstdX)
	}
}

// gradient allocates a matrix, or none where it is not needed.
func gradient(need bool, rows, cols int, a *tensor.Arena) tensor.Matrix {
	if !need {
		return tensor.Matrix{}
	}
	return a.Alloc(rows, cols)
}

// again repeats a normalisation where an adapted layer needs its output, which
// the forward pass did not keep.
func again(n *nn.RMSNorm, x tensor.Matrix, rstd []float32, a *tensor.Arena, users ...*nn.Linear) tensor.Matrix {
	if !adapted(users...) {
		return tensor.Matrix{}
	}
	y := a.Alloc(x.Rows, x.Cols)
	n.Again(y, x, rstd)
	return y
}

// normBackward returns the gradient of a per-head normalisation's input.
func (b *Block) normBackward(n *nn.RMSNorm, dy, x tensor.Matrix, rstd []float32, a *tensor.Arena) tensor.Matrix {
	dx := a.Alloc(dy.Rows, dy.Cols)
	dx.Zero()
	n.Backward(b.heads(dx), b.heads(dy), b.heads(x), rstd)
	return dx
}

// heads views (N, heads·K) as (N·heads, K).
func (b *Block) heads(m tensor.Matrix) tensor.Matrix {
	k := b.attention.Width
	return tensor.FromSlice(m.Rows*m.Cols/k, k, m.Data[:m.Rows*m.Cols])
}

// rotate turns q and k, or their gradients, of every sequence; k may have no rows.
func (b *Block) rotate(q, k tensor.Matrix, r rows, turn func(_ *nn.RoPE, x tensor.Matrix, heads int, place func(int) int, length int)) {
	for e := range r.in.Sequences() {
		length := r.in.Starts[e+1] - r.in.Starts[e]
		turn(b.rope, r.out.Sequence(q, e), b.attention.Heads, r.out.PlacesOf(e), length)
		if k.Rows > 0 {
			turn(b.rope, r.in.Sequence(k, e), b.attention.KVHeads, r.in.PlacesOf(e), length)
		}
	}
}

// linears lists the layers in the order of the checkpoint's modules.
func (b *Block) linears() []*nn.Linear {
	return []*nn.Linear{b.QProj, b.KProj, b.VProj, b.OProj, b.GateProj, b.UpProj, b.DownProj}
}

func adapted(layers ...*nn.Linear) bool {
	for _, l := range layers {
		if l.LoRA != nil {
			return true
		}
	}
	return false
}
