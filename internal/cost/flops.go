package cost

import "github.com/stablelora/stablelora/internal/model"

// Flops are floating-point operations by kind of work, a multiply-add counting
// as two.
type Flops struct {
	LinearForward, LinearBackward       float64 // products with frozen weights in the blocks
	AttentionForward, AttentionBackward float64
	LowRank                             float64
	Head                                float64
}

// Total is the sum.
func (f Flops) Total() float64 {
	return f.LinearForward + f.LinearBackward + f.AttentionForward + f.AttentionBackward + f.LowRank + f.Head
}

// Work is what a computation takes.
type Work struct {
	// Needed are the operations that training cannot do without: element-wise
	// work, the optimizer and anything computed again are left out.
	Needed Flops
	// Again are those that recomputing activations repeats; 0 without it.
	Again Flops
	// Elements are those that norms, SwiGLU, rotations and sums go over, about.
	Elements float64
	// Updates are parameters that the optimizer has updated, step by step.
	Updates float64
}

// Train counts the work of training on some sequences, with LoRA of the given
// ranks on each block's layers. With n rows, of which m predict a supervised
// token, and widths D, Q = H·K, KV = G·K, F and V:
//
//	a linear layer (in, out)   2·rows·in·out forward, the same for dX
//	causal attention           a query at place p reads p+1 keys: 4·Q each forward (q·k, p·v),
//	                           2·Q backward for each of dP, dQ, dK and dV
//	LoRA of (in, out)          2·rows·r·(in+out) forward; backward 2·rows·r·(in+2·out) for
//	                           dH, gA and gB, and 2·rows·r·in for dX
//	head                       2·m·D·V forward, the same for dX
//
// rows is n, but m for the last block's q, queries, o and MLP, whose other rows
// nobody reads. Gradients go down to the lowest adapted layer.
func Train(c *model.Config, ranks []model.Ranks, l Load, recompute bool) Work {
	var w Work
	lowest := lowestAdapted(ranks)
	for i := range c.Layers {
		b := blockWork{shapes: c.BlockShapes(0), ranks: ranks[i], m: l.Asked, rows: l.Rows, pairs: l.AskedPairs, q: float64(c.Heads * c.HeadDim)}
		if i < c.Layers-1 {
			b.m, b.pairs = l.Rows, l.Pairs
		}
		elements := l.Rows*float64(2*c.HiddenSize+(c.Heads+2*c.KVHeads)*c.HeadDim) + b.m*float64(3*c.HiddenSize+3*c.IntermediateSize)
		b.forward(&w.Needed)
		w.Elements += elements
		if i < lowest {
			continue
		}
		b.backward(&w.Needed, i > lowest)
		w.Elements += 2 * elements
		if recompute {
			b.forward(&w.Again)
			w.Elements += elements
		}
	}
	w.Needed.Head = 4 * l.Asked * float64(c.HiddenSize) * float64(c.VocabSize)
	return w
}

// lowestAdapted is the first block with an adapted layer.
func lowestAdapted(ranks []model.Ranks) int {
	for i, r := range ranks {
		if r != (model.Ranks{}) {
			return i
		}
	}
	return len(ranks)
}

// blockWork is one block with the rows that go through it.
type blockWork struct {
	shapes  [model.BlockLinears]model.LinearShape
	ranks   model.Ranks
	rows, m float64 // of k and v, and of all else
	pairs   float64 // of queries and keys
	q       float64 // Q
}

// of returns a layer's rows, widths and rank.
func (b *blockWork) of(layer int) (rows, in, out, rank float64) {
	rows = b.m
	if layer == model.K || layer == model.V {
		rows = b.rows
	}
	return rows, float64(b.shapes[layer].In), float64(b.shapes[layer].Out), float64(b.ranks[layer])
}

func (b *blockWork) forward(f *Flops) {
	for j := range b.shapes {
		rows, in, out, r := b.of(j)
		f.LinearForward += 2 * rows * in * out
		f.LowRank += 2 * rows * r * (in + out)
	}
	f.AttentionForward += 4 * b.q * b.pairs
}

func (b *blockWork) backward(f *Flops, input bool) {
	need := b.ranks.Need(input)
	dX := [model.BlockLinears]bool{
		model.Q: need.Input, model.K: need.Input, model.V: need.Input, model.O: need.QKV,
		model.Gate: need.O, model.Up: need.O, model.Down: need.MLP,
	}
	for j := range b.shapes {
		rows, in, out, r := b.of(j)
		f.LowRank += 2 * rows * r * (in + 2*out)
		if dX[j] {
			f.LinearBackward += 2 * rows * in * out
			f.LowRank += 2 * rows * r * in
		}
	}
	dQ, dK, dV := input || b.ranks[model.Q] > 0, input || b.ranks[model.K] > 0, input || b.ranks[model.V] > 0
	for _, wanted := range []bool{dQ || dK, dQ, dK, dV} { // the first is dP
		if wanted {
			f.AttentionBackward += 2 * b.q * b.pairs
		}
	}
}
