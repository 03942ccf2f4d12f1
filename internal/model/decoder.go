package model

import (
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
}

// Batch is what one pass computes: sequences laid end to end, and which rows
// predict a token that is asked for.
type Batch struct {
	nn.Pass
	Tokens  []int32 // (N)
	Rows    []int   // rows whose logits are wanted, increasing
	Targets []int32 // the token that follows each of them
}

// NewBatch returns a batch of no sequences.
func NewBatch() *Batch { return &Batch{Pass: nn.Pass{Starts: []int{0}}} }

// Append adds a sequence; the token before each t > 0 that asked holds for
// predicts it. The last token predicts nothing and is not computed.
func (b *Batch) Append(tokens []int32, asked func(t int) bool) {
	start := len(b.Tokens)
	b.Tokens = append(b.Tokens, tokens[:len(tokens)-1]...)
	for t := 1; t < len(tokens); t++ {
		if asked(t) {
			b.Rows = append(b.Rows, start+t-1)
			b.Targets = append(b.Targets, tokens[t])
		}
	}
	b.Starts = append(b.Starts, len(b.Tokens))
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
	p, a := &b.Pass, &m.arena
	lowest := m.lowestAdapted()
	x, kept := m.forwardKeeping(b, lowest)

	losses := make([]float64, len(b.Rows))
	rstd := a.Floats(len(b.Rows))
	rows := gather(a, x, b.Rows)
	normed, dnormed := a.Alloc(rows.Rows, rows.Cols), a.Alloc(rows.Rows, rows.Cols)
	m.Norm.Forward(normed, rows, rstd)
	m.Head.Loss(dnormed, normed, b.Targets, scale, losses, a)
	drows := a.Alloc(rows.Rows, rows.Cols)
	drows.Zero()
	m.Norm.Backward(drows, dnormed, rows, rstd)
	d := scatter(a, x.Rows, drows, b.Rows)

	y := a.Alloc(x.Rows, x.Cols)
	for i := len(m.Layers) - 1; i >= lowest; i-- {
		mark := a.Mark()
		block, c := m.Layers[i], kept[i]
		if m.Recompute {
			c = block.newActivations(c.x, a)
			block.forward(y, c, nil, p, a)
		}
		block.backward(d, c, i > lowest, p, a)
		a.Release(mark)
	}
	return losses
}

// forwardKeeping returns the output of the last block and, from block lowest on,
// what the backward pass needs: every activation, or with Recompute the inputs.
func (m *Decoder) forwardKeeping(b *Batch, lowest int) (tensor.Matrix, []*activations) {
	a := &m.arena
	kept := make([]*activations, len(m.Layers))
	x := m.embed(b.Tokens)
	for i, block := range m.Layers {
		y := a.Alloc(x.Rows, x.Cols)
		mark := a.Mark()
		c := block.newActivations(x, a)
		block.forward(y, c, nil, &b.Pass, a)
		kept[i] = c
		if m.Recompute || i < lowest {
			a.Release(mark) // c.x was allocated before the mark and stays
		}
		x = y
	}
	return x, kept
}

// Dynamic says that rotary frequencies depend on a sequence's length, so that a
// prompt must be computed in one piece.
func (m *Decoder) Dynamic() bool { return m.Config.RopeScale.Kind == "dynamic" }

// Losses returns the cross-entropy of each target.
func (m *Decoder) Losses(b *Batch) []float64 {
	losses := make([]float64, len(b.Rows))
	m.Head.Loss(tensor.Matrix{}, m.hidden(b), b.Targets, 1, losses, &m.arena)
	return losses
}

// Score returns the log-probability of each target and whether it is the most
// probable token there.
func (m *Decoder) Score(b *Batch) (logp []float64, best []bool) {
	logp, best = make([]float64, len(b.Rows)), make([]bool, len(b.Rows))
	m.Head.Score(m.hidden(b), b.Targets, logp, best, &m.arena)
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
	x := m.embed(b.Tokens)
	y := m.arena.Alloc(x.Rows, x.Cols)
	for _, block := range m.Layers {
		mark := m.arena.Mark()
		block.forward(y, block.newActivations(x, &m.arena), nil, &b.Pass, &m.arena)
		m.arena.Release(mark)
		x, y = y, x
	}
	return m.normRows(x, b.Rows)
}

func (m *Decoder) embed(tokens []int32) tensor.Matrix {
	x := m.arena.Alloc(len(tokens), m.Config.HiddenSize)
	nn.Embed(x, tokens, m.Embed)
	return x
}

func (m *Decoder) normRows(x tensor.Matrix, rows []int) tensor.Matrix {
	y := gather(&m.arena, x, rows)
	m.Norm.Forward(y, y, m.arena.Floats(len(rows)))
	return y
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

// Weights are the model's files.
func (m *Decoder) Weights() *safetensors.Set { return m.weights }

// Close unmaps the weights; the model must not be used afterwards.
func (m *Decoder) Close() error { return m.weights.Close() }

func gather(a *tensor.Arena, x tensor.Matrix, rows []int) tensor.Matrix {
	y := a.Alloc(len(rows), x.Cols)
	for i, r := range rows {
		copy(y.Row(i), x.Row(r))
	}
	return y
}

func scatter(a *tensor.Arena, n int, y tensor.Matrix, rows []int) tensor.Matrix {
	x := a.Alloc(n, y.Cols)
	x.Zero()
	for i, r := range rows {
		copy(x.Row(r), y.Row(i))
	}
	return x
}
