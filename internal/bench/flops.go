package bench

import "github.com/stablelora/stablelora/internal/model"

// Flops are the floating-point operations that a training step cannot do
// without, a multiply-add counting as two. Element-wise work, the optimizer and
// anything computed again are left out.
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

// StepFlops counts a step of LoRA of rank r on q_proj and v_proj of every block,
// with one sequence of which the last `supervised` tokens are learnt. With
// n = tokens-1 rows (the last token predicts nothing), of which s predict a
// learnt one, and widths D, Q = H·K, KV = G·K, F and V:
//
//	a linear layer (in, out)   2·rows·in·out forward, the same for dX
//	causal attention           a query at place p reads p+1 keys: 4·Q each forward (q·k, p·v),
//	                           8·Q backward (dP, dQ, dK, dV)
//	LoRA of (in, out)          2·rows·r·(in+out) forward; backward 2·rows·r·(in+2·out) for
//	                           dH, gA and gB, and 2·rows·r·in for dX
//	head                       2·s·D·V forward, the same for dX
//
// rows is n, but s for the last block's q, queries, o and MLP, whose other rows
// nobody reads. Block 0 needs no dX of q, k and v, and no dK: nothing below it
// is adapted.
func StepFlops(c *model.Config, tokens, supervised, r int) Flops {
	var (
		f       Flops
		rows, s = float64(tokens - 1), float64(supervised)
		d, v    = float64(c.HiddenSize), float64(c.VocabSize)
		q, kv   = float64(c.Heads * c.HeadDim), float64(c.KVHeads * c.HeadDim)
		rank    = float64(r)
	)
	for i := range c.Layers {
		m := rows // that go on to the MLP
		if i == c.Layers-1 {
			m = s
		}
		pairs := m*(rows-m) + m*(m+1)/2 // the last m queries with the keys they see
		above := 2 * m * (q*d + 3*d*float64(c.IntermediateSize))
		qkv := 2 * (m*d*q + rows*2*d*kv)
		lowRank := 2 * rank * (m*(d+q) + rows*(d+kv))
		f.LinearForward += above + qkv
		f.LinearBackward += above
		f.AttentionForward += 4 * q * pairs
		f.AttentionBackward += 6 * q * pairs
		f.LowRank += lowRank + 2*rank*(m*(d+2*q)+rows*(d+2*kv))
		if i > 0 {
			f.LinearBackward += qkv
			f.AttentionBackward += 2 * q * pairs
			f.LowRank += 2 * rank * (m + rows) * d
		}
	}
	f.Head = 4 * s * d * v
	return f
}
