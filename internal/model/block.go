package model

import (
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Block is one decoder layer, in two halves:
//
//	attention: o = attention(RoPE(QProj(n)), RoPE(KProj(n)), VProj(n)), n = InputLayerNorm(x)
//	MLP:       h = x + OProj(o)
//	           y = h + DownProj(silu(GateProj(m)) ⊙ UpProj(m)),           m = PostAttentionLayerNorm(h)
//
// Qwen3 normalises every head of q and k before the rotation. The second half
// works row by row; in the last block only the rows that predict something go
// through it.
type Block struct {
	InputLayerNorm, PostAttentionLayerNorm *nn.RMSNorm

	QProj, KProj, VProj, OProj  *nn.Linear
	GateProj, UpProj, DownProj  *nn.Linear
	QNorm, KNorm                *nn.RMSNorm // over a head's width; nil: none
	attention                   *nn.Attention
	rope                        *nn.RoPE
	width, qCols, kvCols, mlpIn int // D, H·K, G·K, F
}

// attentionHalf is what the backward pass needs of the first half.
type attentionHalf struct {
	x            tensor.Matrix // (N, D)
	q, k, v, o   tensor.Matrix // (N, H·K), (N, G·K) twice, (N, H·K); q and k rotated
	qRaw, kRaw   tensor.Matrix // before QNorm and KNorm
	rstdX        []float32     // (N)
	rstdQ, rstdK []float32     // (N·H), (N·G)
	qc, kc, vc   *nn.LinearCache
}

// mlpHalf is what the backward pass needs of the second half, on M rows.
type mlpHalf struct {
	x, o, h        tensor.Matrix // (M, D), (M, H·K), (M, D)
	gate, up       tensor.Matrix // (M, F)
	rstdH          []float32     // (M)
	oc, gc, uc, dc *nn.LinearCache
}

func (b *Block) newAttentionHalf(x tensor.Matrix, a *tensor.Arena) *attentionHalf {
	n := x.Rows
	c := &attentionHalf{
		x: x, q: a.Alloc(n, b.qCols), k: a.Alloc(n, b.kvCols), v: a.Alloc(n, b.kvCols), o: a.Alloc(n, b.qCols),
		rstdX: a.Floats(n),
		qc:    b.QProj.NewCache(n, a), kc: b.KProj.NewCache(n, a), vc: b.VProj.NewCache(n, a),
	}
	c.qRaw, c.kRaw = c.q, c.k
	if b.QNorm != nil {
		c.qRaw, c.kRaw = a.Alloc(n, b.qCols), a.Alloc(n, b.kvCols)
		c.rstdQ, c.rstdK = a.Floats(n*b.attention.Heads), a.Floats(n*b.attention.KVHeads)
	}
	return c
}

func (b *Block) newMLPHalf(x, o tensor.Matrix, a *tensor.Arena) *mlpHalf {
	n := x.Rows
	return &mlpHalf{
		x: x, o: o, h: a.Alloc(n, b.width), gate: a.Alloc(n, b.mlpIn), up: a.Alloc(n, b.mlpIn), rstdH: a.Floats(n),
		oc: b.OProj.NewCache(n, a), gc: b.GateProj.NewCache(n, a), uc: b.UpProj.NewCache(n, a), dc: b.DownProj.NewCache(n, a),
	}
}

// forwardAttention fills c. With a key-value cache the pass is the continuation
// of the cached sequence.
func (b *Block) forwardAttention(c *attentionHalf, kv *layerCache, p *nn.Pass, a *tensor.Arena) {
	m := a.Mark()
	defer a.Release(m)
	norm := a.Alloc(c.x.Rows, b.width)
	b.InputLayerNorm.Forward(norm, c.x, c.rstdX)
	b.QProj.Forward(c.qRaw, norm, c.qc, p, a)
	b.KProj.Forward(c.kRaw, norm, c.kc, p, a)
	b.VProj.Forward(c.v, norm, c.vc, p, a)
	if b.QNorm != nil {
		b.QNorm.Forward(b.heads(c.q), b.heads(c.qRaw), c.rstdQ)
		b.KNorm.Forward(b.heads(c.k), b.heads(c.kRaw), c.rstdK)
	}
	if kv != nil {
		kv.attend(b, c)
		return
	}
	b.rotate(c.q, c.k, p)
	p.Lap(nn.Rest)
	b.attention.ForwardPass(c.o, c.q, c.k, c.v, p)
	p.Lap(nn.AttentionForward)
}

// forwardMLP writes the block's output y (M, D) and fills c.
func (b *Block) forwardMLP(y tensor.Matrix, c *mlpHalf, p *nn.Pass, a *tensor.Arena) {
	m := a.Mark()
	defer a.Release(m)
	b.OProj.Forward(c.h, c.o, c.oc, p, a)
	c.h.Add(c.x)
	norm, act := a.Alloc(c.h.Rows, b.width), a.Alloc(c.h.Rows, b.mlpIn)
	b.PostAttentionLayerNorm.Forward(norm, c.h, c.rstdH)
	b.GateProj.Forward(c.gate, norm, c.gc, p, a)
	b.UpProj.Forward(c.up, norm, c.uc, p, a)
	nn.SwiGLU(act, c.gate, c.up)
	b.DownProj.Forward(y, act, c.dc, p, a)
	y.Add(c.h)
}

// need is Need for this package's own use.
type need struct{ input, qkv, o, mlp bool }

func (b *Block) need(input bool) need {
	var r Ranks
	for i, l := range b.linears() {
		if l.LoRA != nil {
			r[i] = l.LoRA.A.Value.Rows
		}
	}
	n := r.Need(input)
	return need{n.Input, n.QKV, n.O, n.MLP}
}

// backwardMLP replaces d (M, D), the gradient of y, by that of x as far as it
// goes through h, and writes that of o to do (M, H·K). c is used up.
func (b *Block) backwardMLP(do, d tensor.Matrix, c *mlpHalf, n need, p *nn.Pass, a *tensor.Arena) {
	m := a.Mark()
	defer a.Release(m)
	if n.mlp || adapted(b.DownProj) {
		var act tensor.Matrix
		if adapted(b.DownProj) {
			act = a.Alloc(d.Rows, b.mlpIn)
			nn.SwiGLU(act, c.gate, c.up)
		}
		dact := gradient(n.mlp, d.Rows, b.mlpIn, a)
		b.DownProj.Backward(dact, d, act, false, c.dc, p, a)
		if n.mlp {
			b.backwardGateUp(d, dact, c, n.o, p, a)
		}
	}
	if n.o {
		b.OProj.Backward(do, d, c.o, false, c.oc, p, a)
	}
}

func (b *Block) backwardGateUp(d, dact tensor.Matrix, c *mlpHalf, needH bool, p *nn.Pass, a *tensor.Arena) {
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
// through o, whose gradient is do (N, H·K).
func (b *Block) backwardAttention(d, do tensor.Matrix, c *attentionHalf, n need, p *nn.Pass, a *tensor.Arena) {
	m := a.Mark()
	defer a.Release(m)
	rows := d.Rows
	dq, dk, dv := a.Alloc(rows, b.qCols), a.Alloc(rows, b.kvCols), a.Alloc(rows, b.kvCols)
	p.Lap(nn.Rest)
	b.attention.BackwardPass(dq, dk, dv, do, c.q, c.k, c.v, p)
	p.Lap(nn.AttentionBackward)
	b.rotateBack(dq, dk, p)
	if b.QNorm != nil {
		dq = b.normBackward(b.QNorm, dq, c.qRaw, c.rstdQ, a)
		dk = b.normBackward(b.KNorm, dk, c.kRaw, c.rstdK, a)
	}
	norm := again(b.InputLayerNorm, c.x, c.rstdX, a, b.QProj, b.KProj, b.VProj)
	dn := gradient(n.input, rows, b.width, a)
	b.QProj.Backward(dn, dq, norm, false, c.qc, p, a)
	b.KProj.Backward(dn, dk, norm, true, c.kc, p, a)
	b.VProj.Backward(dn, dv, norm, true, c.vc, p, a)
	if n.input {
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
