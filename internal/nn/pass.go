package nn

import "github.com/stablelora/stablelora/internal/tensor"

// Pass describes the rows of one forward and backward computation.
type Pass struct {
	// Starts holds where each sequence begins, and the number of rows at the
	// end: sequence e is rows Starts[e] to Starts[e+1]-1.
	Starts []int
	// Places holds each row's place in its sequence where the pass leaves rows
	// out; nil: they follow one another from 0.
	Places []int

	// Decode says that each row is the next token of a sequence of its own:
	// products are then tensor.Dots.
	Decode bool

	// Dropout keys: it is on where Train is set, and a function of the seed, the
	// step, the place of each sequence in the step's batch, the module and the
	// token.
	Train bool
	Seed  uint64
	Step  int
	First int // place of sequence 0 in the batch

	// ProbeRows, where positive, makes each adapted linear layer keep a copy of
	// that many of its first input rows (at most those of sequence 0).
	ProbeRows int

	// OnLap, where set, is told what has been computed since the last call, for
	// a table of where the time goes.
	OnLap func(Part)
}

// Part is a kind of work within a step.
type Part int

// The parts of a step. Linear layers are their frozen weights' products.
const (
	Rest Part = iota // embedding, norms, SwiGLU, RoPE, residuals
	LinearForward
	LinearBackward
	AttentionForward
	AttentionBackward
	LowRank // LoRA's products, forward and backward
	HeadAndLoss
	NumParts
)

// Lap says that what has been computed since the last call belongs to a part.
func (p *Pass) Lap(part Part) {
	if p.OnLap != nil {
		p.OnLap(part)
	}
}

// Rows is the number of tokens.
func (p *Pass) Rows() int { return p.Starts[len(p.Starts)-1] }

// Sequences is the number of sequences.
func (p *Pass) Sequences() int { return len(p.Starts) - 1 }

// place is row i's place in its sequence, which begins at row start.
func (p *Pass) place(i, start int) int {
	if p.Places == nil {
		return i - start
	}
	return p.Places[i]
}

// PlacesOf returns the function that tells the place of row i of sequence e.
func (p *Pass) PlacesOf(e int) func(i int) int {
	start := p.Starts[e]
	if p.Places == nil {
		return func(i int) int { return i }
	}
	return func(i int) int { return p.Places[start+i] }
}

// Sequence views the rows of sequence e.
func (p *Pass) Sequence(m tensor.Matrix, e int) tensor.Matrix {
	return m.RowRange(p.Starts[e], p.Starts[e+1])
}
