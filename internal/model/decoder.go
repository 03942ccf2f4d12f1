package model

import (
	"sync"

	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/safetensors"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Decoder is a causal language model: embedding, blocks, final norm, head. It
// computes one call at a time.
type Decoder struct {
	Config *Config
	Embed  *tensor.Weight // (V, D)
	Layers []*Block
	Norm   *nn.RMSNorm
	Head   nn.Head // (V, D); the embedding itself where they are tied

	// Recompute keeps only each block's input in the forward pass and computes
	// the block again in the backward pass: about a third more time for about a
	// tenth of the memory. The results are the same bits.
	Recompute bool

	weights *safetensors.Set
	arena   tensor.Arena
	pages   sync.Pool // *page that no KVCache holds
}

// SetCompute chooses the arithmetic of products with frozen weights and of
// attention. Products of LoRA factors, and single tokens' in decoding, are float32
// in any case.
func (m *Decoder) SetCompute(c tensor.Compute) {
	m.Head.W.Compute = c
	for _, l := range m.Linears() {
		l.W.Compute = c
	}
	for _, b := range m.Layers {
		b.attention.Compute = c
	}
}

// Linears lists every linear layer of the blocks, in the checkpoint's order.
func (m *Decoder) Linears() []*nn.Linear {
	var all []*nn.Linear
	for _, b := range m.Layers {
		all = append(all, b.linears()...)
	}
	return all
}

// LossAndGradient returns the cross-entropy of each target and adds, for each
// sequence, the gradient of scale·Σ loss to the sums of the LoRA factors.
func (m *Decoder) LossAndGradient(b *Batch, scale float64) []float64 {
	m.arena.Reset()
	a := &m.arena
	all, last := b.rows()
	lowest := m.lowestAdapted()
	kept := make([]*activations, len(m.Layers))
	x := m.embed(b.Tokens)
	for i, block := range m.Layers {
		r := m.blockRows(i, all, last)
		y := a.Alloc(r.out.Rows(), x.Cols)
		mark := a.Mark()
		kept[i] = block.newActivations(x, r, a)
		block.forward(y, kept[i], r, a)
		if m.Recompute || i < lowest {
			a.Release(mark) // x was allocated before the mark and stays
		}
		x = y
	}

	losses := make([]float64, x.Rows)
	rstd := a.Floats(x.Rows)
	normed, dnormed, d := a.Alloc(x.Rows, x.Cols), a.Alloc(x.Rows, x.Cols), a.Alloc(x.Rows, x.Cols)
	m.Norm.Forward(normed, x, rstd)
	b.Lap(nn.Rest)
	m.Head.Loss(dnormed, normed, b.Targets, scale, losses, a)
	b.Lap(nn.HeadAndLoss)
	d.Zero()
	m.Norm.Backward(d, dnormed, x, rstd)

	for i := len(m.Layers) - 1; i >= lowest; i-- {
		block, r := m.Layers[i], m.blockRows(i, all, last)
		dx := d
		if !r.all() {
			dx = a.Alloc(r.in.Rows(), d.Cols)
		}
		mark := a.Mark()
		if m.Recompute {
			kept[i] = block.newActivations(kept[i].x, r, a)
			block.forward(a.Alloc(d.Rows, d.Cols), kept[i], r, a)
		}
		block.backward(dx, d, kept[i], i > lowest, r, a)
		a.Release(mark)
		d = dx
	}
	b.Lap(nn.Rest)
	return losses
}

// blockRows is what block i computes: of the last one only what is asked for.
func (m *Decoder) blockRows(i int, all, last rows) rows {
	r := all
	if i == len(m.Layers)-1 {
		r = last
	}
	r.layer = i
	return r
}

// Losses returns the cross-entropy of each target.
func (m *Decoder) Losses(b *Batch) []float64 {
	losses := make([]float64, len(b.Rows))
	m.Head.Loss(tensor.Matrix{}, m.hidden(b), b.Targets, 1, losses, &m.arena)
	return losses
}

// Score returns the log-probability of each target and whether it is the most
// probable token there.
func (m *Decoder) Score(b *Batch) (logp []float64, best []bool) {
	logp, best = make([]float64, len(b.Targets)), make([]bool, len(b.Targets))
	m.Head.Score(m.hidden(b), b.AskedOf, b.Targets, logp, best, &m.arena)
	return logp, best
}

// Logits returns the logits (rows, V) of the batch's rows. They are valid until
// the model's next call.
func (m *Decoder) Logits(b *Batch) tensor.Matrix {
	x := m.hidden(b)
	y := m.arena.Alloc(x.Rows, m.Head.W.Rows)
	m.Head.Logits(y, x)
	return y
}

// hidden returns the normalised final states of the batch's rows, keeping
// nothing on the way.
func (m *Decoder) hidden(b *Batch) tensor.Matrix {
	m.arena.Reset()
	a := &m.arena
	all, last := b.rows()
	x := m.embed(b.Tokens)
	y, final := a.Alloc(x.Rows, x.Cols), a.Alloc(len(b.Rows), x.Cols)
	for i, block := range m.Layers {
		if i == len(m.Layers)-1 {
			y = final
		}
		mark := a.Mark()
		r := m.blockRows(i, all, last)
		block.forward(y, block.newActivations(x, r, a), r, a)
		a.Release(mark)
		x, y = y, x
	}
	m.Norm.Forward(x, x, a.Floats(x.Rows))
	return x
}

func (m *Decoder) embed(tokens []int32) tensor.Matrix {
	x := m.arena.Alloc(len(tokens), m.Config.HiddenSize)
	nn.Embed(x, tokens, m.Embed)
	return x
}

// lowestAdapted is the first block with an adapted layer; no gradient is needed
// below it.
func (m *Decoder) lowestAdapted() int {
	for i, b := range m.Layers {
		if adapted(b.linears()...) {
			return i
		}
	}
	return len(m.Layers)
}

// Weights are the model's files; nil: it has none (see Random).
func (m *Decoder) Weights() *safetensors.Set { return m.weights }

// Close unmaps the weights; the model must not be used afterwards.
func (m *Decoder) Close() error {
	if m.weights == nil {
		return nil
	}
	return m.weights.Close()
}
