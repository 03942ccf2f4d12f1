package model

import "github.com/stablelora/stablelora/internal/nn"

// Ranks holds the rank of LoRA on each linear layer of a block; 0: not adapted.
type Ranks [BlockLinears]int

// Need says how far down a block's backward pass has to go: not below the lowest
// adapted layer. K and what follows are the gradients of those layers' outputs,
// QKV that of any of the three.
type Need struct{ Input, K, QKV, O, MLP bool }

// Need says what a block's backward pass has to compute; input: the gradient of
// the block's input is wanted.
func (r Ranks) Need(input bool) Need {
	n := Need{Input: input}
	n.K = n.Input || r[K] > 0
	n.QKV = n.K || r[Q]+r[V] > 0
	n.O = n.QKV || r[O] > 0
	n.MLP = n.O || r[Gate]+r[Up] > 0
	return n
}

// PassSize says what LossAndGradient is asked to compute.
type PassSize struct {
	Rows, Asked int     // tokens, and those that predict something
	Ranks       []Ranks // of each block
	Dropout     bool
	Recompute   bool
}

// PassBytes is what LossAndGradient takes from its arena.
type PassBytes struct {
	Kept   uint64 // for the backward pass
	Logits uint64 // a chunk of them, and the gradient of the last norm
	Peak   uint64 // all that is in use at one time, at most
}

// PassBytes follows the allocations of LossAndGradient.
func (c *Config) PassBytes(p PassSize) PassBytes {
	s := passSizes{c: c, p: p}
	n, m, d := uint64(p.Rows), uint64(p.Asked), uint64(c.HiddenSize)
	lowest, last := p.lowestAdapted(), c.Layers-1

	// Forward: each block's output stays, what it keeps beside that only for a
	// backward pass that will not compute it again.
	s.take(n * d)
	for i := range c.Layers {
		s.take(s.outputRows(i) * d)
		kept := s.forwardBlock(i)
		if p.Recompute || i < lowest {
			s.used -= kept
		}
	}
	b := PassBytes{Kept: 4 * s.used}

	chunk := uint64(nn.LogitRows(p.Asked, c.VocabSize))
	b.Logits = 4 * (m + 3*m*d + chunk*uint64(c.VocabSize))
	s.take(m + 3*m*d)
	s.peak(chunk * uint64(c.VocabSize))

	for i := last; i >= lowest && i >= 0; i-- {
		if i == last {
			s.take(n * d)
		}
		s.backwardBlock(i, i > lowest)
	}
	b.Peak = 4 * s.most
	return b
}

// ForwardBytes is what Losses and Score take from the arena at one time, at most;
// Recompute and Dropout do not matter.
func (c *Config) ForwardBytes(p PassSize) uint64 {
	p.Dropout = false
	s := passSizes{c: c, p: p}
	n, m, d := uint64(p.Rows), uint64(p.Asked), uint64(c.HiddenSize)
	s.take((2*n + m) * d)
	for i := range c.Layers {
		s.used -= s.forwardBlock(i)
	}
	s.take(m)
	s.peak(uint64(nn.LogitRows(p.Asked, c.VocabSize)) * uint64(c.VocabSize))
	return 4 * s.most
}

// Reserve makes room for passes up to that size in one piece, before the first
// pass. Larger ones find room too, less tightly.
func (m *Decoder) Reserve(p PassSize) { m.arena.Reserve(int(m.Config.PassBytes(p).Peak / 4)) }

// lowestAdapted is Decoder.lowestAdapted.
func (p *PassSize) lowestAdapted() int {
	for i, r := range p.Ranks {
		if r != (Ranks{}) {
			return i
		}
	}
	return len(p.Ranks)
}

// passSizes counts the floats of a pass.
type passSizes struct {
	c          *Config
	p          PassSize
	used, most uint64
}

func (s *passSizes) take(floats uint64) {
	s.used += floats
	s.most = max(s.most, s.used)
}

// peak takes what is given back at once.
func (s *passSizes) peak(floats uint64) { s.most = max(s.most, s.used+floats) }

func (s *passSizes) outputRows(i int) uint64 {
	if i == s.c.Layers-1 {
		return uint64(s.p.Asked)
	}
	return uint64(s.p.Rows)
}

func (s *passSizes) widths() (d, q, kv, f uint64) {
	c := s.c
	return uint64(c.HiddenSize), uint64(c.Heads * c.HeadDim), uint64(c.KVHeads * c.HeadDim), uint64(c.IntermediateSize)
}

// forwardBlock takes what block i keeps (newActivations) and returns it.
func (s *passSizes) forwardBlock(i int) (kept uint64) {
	n, m, r := uint64(s.p.Rows), s.outputRows(i), s.p.Ranks[i]
	d, q, kv, f := s.widths()
	before := s.used
	s.take(n*(2*kv+1+sum(r, K, V)) + m*(q+d+2*f+1+sum(r, Q, O, Gate, Up, Down)+q*one(r[O] > 0)))
	if s.c.QKNorm {
		s.take(n*(kv+uint64(s.c.KVHeads)) + m*(q+uint64(s.c.Heads)))
	}
	kept = s.used - before

	s.take(m * q * one(r[O] == 0)) // Block.forward
	picked := m * d * one(i == s.c.Layers-1)
	s.peak(n*d + picked + max(s.dropped(m*d, r, Q), s.dropped(n*d, r, K, V)))
	s.peak(s.dropped(m*q, r, O))
	s.peak(picked + m*(d+f) + max(s.dropped(m*d, r, Gate, Up), s.dropped(m*f, r, Down)))
	s.used = before + kept
	return kept
}

// backwardBlock follows Block.backward and what Decoder does before it.
func (s *passSizes) backwardBlock(i int, input bool) {
	before := s.used
	defer func() { s.used = before }()
	n, m, r := uint64(s.p.Rows), s.outputRows(i), s.p.Ranks[i]
	d, q, kv, f := s.widths()
	if s.p.Recompute {
		s.take(m * d)
		s.forwardBlock(i)
	}
	need := r.Need(input)
	s.take(m * q * one(need.O))

	mlp := s.used // backwardMLP
	s.take(m * f * (one(r[Down] > 0) + one(need.MLP)))
	s.peak(s.backwardLinear(m, f, need.MLP, r[Down]))
	if need.MLP {
		s.take(m * d * (one(r[Gate]+r[Up] > 0) + one(need.O)))
		s.peak(max(s.backwardLinear(m, d, need.O, r[Gate]), s.backwardLinear(m, d, need.O, r[Up])))
	}
	if need.O {
		s.peak(s.backwardLinear(m, q, true, r[O]))
	}
	s.used = mlp
	if !need.QKV {
		return
	}

	s.take(m*q + n*kv*(1+one(need.K))) // backwardAttention
	if s.c.QKNorm {
		s.take(m*q + n*kv*one(need.K))
	}
	adapted := one(sum(r, Q, K, V) > 0)
	s.take(n * d * (adapted + one(input)))
	if i == s.c.Layers-1 {
		s.take(m * d * (adapted + one(input)))
	}
	s.peak(s.backwardLinear(m, d, input, r[Q]))
	s.peak(s.backwardLinear(n, d, input, r[K]))
	s.peak(s.backwardLinear(n, d, input, r[V]))
}

// backwardLinear is what nn.Linear's Backward takes for a moment.
func (s *passSizes) backwardLinear(rows, in uint64, needDX bool, rank int) uint64 {
	switch {
	case rank == 0:
		return 0
	case !s.p.Dropout:
		return rows * uint64(rank)
	}
	return rows*uint64(rank) + rows*in*(1+one(needDX))
}

// dropped is the copy of an input to which dropout was applied.
func (s *passSizes) dropped(floats uint64, r Ranks, layers ...int) uint64 {
	return floats * one(s.p.Dropout && sum(r, layers...) > 0)
}

func sum(r Ranks, layers ...int) (n uint64) {
	for _, l := range layers {
		n += uint64(r[l])
	}
	return n
}

func one(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
