package model

import (
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Block is one decoder layer:
//
//	h = x + OProj(attention(RoPE(QProj(n)), RoPE(KProj(n)), VProj(n))), n = InputLayerNorm(x)
//	y = h + DownProj(silu(GateProj(m)) ⊙ UpProj(m)),                   m = PostAttentionLayerNorm(h)
//
// Qwen3 normalises every head of q and k before the rotation.
type Block struct {
	InputLayerNorm, PostAttentionLayerNorm *nn.RMSNorm

	QProj, KProj, VProj, OProj  *nn.Linear
	GateProj, UpProj, DownProj  *nn.Linear
	QNorm, KNorm                *nn.RMSNorm // over a head's width; nil: none
	attention                   *nn.Attention
	rope                        *nn.RoPE
	width, qCols, kvCols, mlpIn int // D, H·K, G·K, F
}

// activations is what a block's backward pass needs of its forward pass.
type activations struct {
	x, h           tensor.Matrix // (N, D): input, and the residual stream after attention
	q, k, v, o     tensor.Matrix // (N, H·K), (N, G·K) twice, (N, H·K); q and k rotated
	qRaw, kRaw     tensor.Matrix // before QNorm and KNorm
	gate, up       tensor.Matrix // (N, F)
	rstdX, rstdH   []float32     // (N)
	rstdQ, rstdK   []float32     // (N·H), (N·G)
	qc, kc, vc, oc *nn.LinearCache
	gc, uc, dc     *nn.LinearCache
}

func (b *Block) newActivations(x tensor.Matrix, a *tensor.Arena) *activations {
	n := x.Rows
	c := &activations{
		x: x, h: a.Alloc(n, b.width),
		q: a.Alloc(n, b.qCols), k: a.Alloc(n, b.kvCols), v: a.Alloc(n, b.kvCols), o: a.Alloc(n, b.qCols),
		gate: a.Alloc(n, b.mlpIn), up: a.Alloc(n, b.mlpIn),
		rstdX: a.Floats(n), rstdH: a.Floats(n),
		qc: b.QProj.NewCache(n, a), kc: b.KProj.NewCache(n, a), vc: b.VProj.NewCache(n, a), oc: b.OProj.NewCache(n, a),
		gc: b.GateProj.NewCache(n, a), uc: b.UpProj.NewCache(n, a), dc: b.DownProj.NewCache(n, a),
	}
	c.qRaw, c.kRaw = c.q, c.k
	if b.QNorm != nil {
		c.qRaw, c.kRaw = a.Alloc(n, b.qCols), a.Alloc(n, b.kvCols)
		c.rstdQ, c.rstdK = a.Floats(n*b.attention.Heads), a.Floats(n*b.attention.KVHeads)
	}
	return c
}

// forward writes the block's output y (N, D) and fills c. With a key-value
// cache the pass is the continuation of the cached sequence.
func (b *Block) forward(y tensor.Matrix, c *activations, kv *layerCache, p *nn.Pass, a *tensor.Arena) {
	m := a.Mark()
	defer a.Release(m)
	n := c.x.Rows

	norm := a.Alloc(n, b.width)
	b.InputLayerNorm.Forward(norm, c.x, c.rstdX)
	b.QProj.Forward(c.qRaw, norm, c.qc, p, a)
	b.KProj.Forward(c.kRaw, norm, c.kc, p, a)
	b.VProj.Forward(c.v, norm, c.vc, p, a)
	if b.QNorm != nil {
		b.QNorm.Forward(b.heads(c.q), b.heads(c.qRaw), c.rstdQ)
		b.KNorm.Forward(b.heads(c.k), b.heads(c.kRaw), c.rstdK)
	}
	if kv == nil {
		b.rotate(c.q, c.k, p)
		b.attention.ForwardPass(c.o, c.q, c.k, c.v, p)
	} else {
		kv.attend(b, c)
	}
	b.OProj.Forward(c.h, c.o, c.oc, p, a)
	c.h.Add(c.x)

	b.PostAttentionLayerNorm.Forward(norm, c.h, c.rstdH)
	b.GateProj.Forward(c.gate, norm, c.gc, p, a)
	b.UpProj.Forward(c.up, norm, c.uc, p, a)
	act := a.Alloc(n, b.mlpIn)
	nn.SwiGLU(act, c.gate, c.up)
	b.DownProj.Forward(y, act, c.dc, p, a)
	y.Add(c.h)
}

// backward replaces d (N, D), the gradient of the block's output, by that of its
// input. Where needInput is false nothing below the block is adapted, and the
// pass ends at its lowest adapted layer. c is used up.
func (b *Block) backward(d tensor.Matrix, c *activations, needInput bool, p *nn.Pass, a *tensor.Arena) {
	m := a.Mark()
	defer a.Release(m)
	needQKV := needInput || adapted(b.QProj, b.KProj, b.VProj)
	needO := needQKV || adapted(b.OProj)
	needMLP := needO || adapted(b.GateProj, b.UpProj)
	b.backwardMLP(d, c, needMLP, needO, p, a)
	if !needO {
		return
	}
	do := b.gradient(needQKV, d.Rows, b.qCols, a)
	b.OProj.Backward(do, d, c.o, false, c.oc, p, a)
	if !needQKV {
		return
	}
	n := d.Rows
	dq, dk, dv := a.Alloc(n, b.qCols), a.Alloc(n, b.kvCols), a.Alloc(n, b.kvCols)
	b.attention.BackwardPass(dq, dk, dv, do, c.q, c.k, c.v, p)
	b.rotateBack(dq, dk, p)
	if b.QNorm != nil {
		dq = b.normBackward(b.QNorm, dq, c.qRaw, c.rstdQ, a)
		dk = b.normBackward(b.KNorm, dk, c.kRaw, c.rstdK, a)
	}
	norm := b.again(b.InputLayerNorm, c.x, c.rstdX, a, b.QProj, b.KProj, b.VProj)
	dn := b.gradient(needInput, n, b.width, a)
	b.QProj.Backward(dn, dq, norm, false, c.qc, p, a)
	b.KProj.Backward(dn, dk, norm, true, c.kc, p, a)
	b.VProj.Backward(dn, dv, norm, true, c.vc, p, a)
	if needInput {
		b.InputLayerNorm.Backward(d, dn, c.x, c.rstdX)
	}
}

// backwardMLP turns the gradient of the block's output into that of h. It stops
// early where the gradient is of no use further down.
func (b *Block) backwardMLP(d tensor.Matrix, c *activations, needMLP, needH bool, p *nn.Pass, a *tensor.Arena) {
	if !needMLP && !adapted(b.DownProj) {
		return
	}
	m := a.Mark()
	defer a.Release(m)
	var act tensor.Matrix
	if adapted(b.DownProj) {
		act = a.Alloc(d.Rows, b.mlpIn)
		nn.SwiGLU(act, c.gate, c.up)
	}
	dact := b.gradient(needMLP, d.Rows, b.mlpIn, a)
	b.DownProj.Backward(dact, d, act, false, c.dc, p, a)
	if !needMLP {
		return
	}
	nn.SwiGLUBackward(c.gate, c.up, dact, c.gate, c.up)
	norm := b.again(b.PostAttentionLayerNorm, c.h, c.rstdH, a, b.GateProj, b.UpProj)
	dn := b.gradient(needH, d.Rows, b.width, a)
	b.GateProj.Backward(dn, c.gate, norm, false, c.gc, p, a)
	b.UpProj.Backward(dn, c.up, norm, true, c.uc, p, a)
	if needH {
		b.PostAttentionLayerNorm.Backward(d, dn, c.h, c.rstdH)
	}
}

// gradient allocates a matrix, or none where it is not needed.
func (b *Block) gradient(need bool, rows, cols int, a *tensor.Arena) tensor.Matrix {
	if !need {
		return tensor.Matrix{}
	}
	return a.Alloc(rows, cols)
}

// again repeats a normalisation where an adapted layer needs its output, which
// the forward pass did not keep.
func (b *Block) again(n *nn.RMSNorm, x tensor.Matrix, rstd []float32, a *tensor.Arena, users ...*nn.Linear) tensor.Matrix {
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

func (b *Block) rotate(q, k tensor.Matrix, p *nn.Pass) {
	for e := range p.Sequences() {
		lo, hi := p.Starts[e], p.Starts[e+1]
		b.rope.Rotate(q.RowRange(lo, hi), b.attention.Heads, 0, hi-lo)
		b.rope.Rotate(k.RowRange(lo, hi), b.attention.KVHeads, 0, hi-lo)
	}
}

func (b *Block) rotateBack(dq, dk tensor.Matrix, p *nn.Pass) {
	for e := range p.Sequences() {
		lo, hi := p.Starts[e], p.Starts[e+1]
		b.rope.Backward(dq.RowRange(lo, hi), b.attention.Heads, hi-lo)
		b.rope.Backward(dk.RowRange(lo, hi), b.attention.KVHeads, hi-lo)
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
