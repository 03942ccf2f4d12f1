package model

import (
	"iter"

	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Batch is what one pass computes: sequences laid end to end, and which rows
// predict a token that is asked for.
type Batch struct {
	nn.Pass
	Tokens  []int32 // (N)
	Rows    []int   // rows whose logits are wanted, increasing
	Targets []int32 // the token that follows each of them
	AskedOf []int   // the place in Rows, not decreasing, that each target is asked of; nil: its own

	Prefix *KVCache // what stands before the sequences without a parent; nil: nothing

	parents []int      // the earlier sequence that each one goes on from, -1: none; nil: none does
	caches  []*KVCache // that each sequence goes on from and is added to; nil: none
}

// passTokens is how many tokens are worth computing together: more of them take
// more memory and hardly less time.
const passTokens = 384

// MicroBatches cuts sequences, whose tokens are counted by length, into what is
// computed together: at most `most` of them, and no more than passTokens tokens
// unless one alone has more. It yields the number of the first one as well.
func MicroBatches[T any](sequences []T, most int, length func(T) int) iter.Seq2[int, []T] {
	return func(yield func(int, []T) bool) {
		for lo := 0; lo < len(sequences); {
			hi, tokens := lo, 0
			for hi < len(sequences) && hi-lo < most && (hi == lo || tokens+length(sequences[hi]) <= passTokens) {
				tokens += length(sequences[hi])
				hi++
			}
			if !yield(lo, sequences[lo:hi]) {
				return
			}
			lo = hi
		}
	}
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

// Branch adds a sequence that goes on where sequence parent ends, or where Prefix
// does if parent is -1, and returns its number. It may be one of several that go on
// from there. A batch of branches is for a forward pass only.
func (b *Batch) Branch(parent int, tokens []int32) int {
	from := 0
	if parent >= 0 {
		from = b.Places[b.Starts[parent+1]-1] + 1
	} else if b.Prefix != nil {
		from = b.Prefix.Len()
	}
	b.parents = append(b.parents, parent)
	b.goesOn(from, tokens)
	return len(b.parents) - 1
}

// goesOn adds a sequence whose first token has the place from.
func (b *Batch) goesOn(from int, tokens []int32) {
	for i := range tokens {
		b.Places = append(b.Places, from+i)
	}
	b.Tokens = append(b.Tokens, tokens...)
	b.Starts = append(b.Starts, len(b.Tokens))
}

// rows says which rows a block computes: those of in go in, those of out come
// out, which are all of them (the same pass) or those with the given numbers.
type rows struct {
	in, out *nn.Pass
	numbers []int
	batch   *Batch
	layer   int // of the block
}

func (r rows) all() bool { return r.in == r.out }

// pick returns out's rows of x.
func (r rows) pick(x tensor.Matrix, a *tensor.Arena) tensor.Matrix {
	if r.all() || x.Rows == 0 {
		return x
	}
	y := a.Alloc(len(r.numbers), x.Cols)
	for i, n := range r.numbers {
		copy(y.Row(i), x.Row(n))
	}
	return y
}

// scatter sets x to 0 but for out's rows, which are y's.
func (r rows) scatter(x, y tensor.Matrix) {
	x.Zero()
	for i, n := range r.numbers {
		copy(x.Row(n), y.Row(i))
	}
}

// asked is the pass of the rows whose logits are wanted.
func (b *Batch) asked() *nn.Pass {
	p := b.Pass
	p.Starts, p.Places = []int{0}, make([]int, 0, len(b.Rows))
	for e := range b.Sequences() {
		place := b.PlacesOf(e)
		for i := len(p.Places); i < len(b.Rows) && b.Rows[i] < b.Starts[e+1]; i++ {
			p.Places = append(p.Places, place(b.Rows[i]-b.Starts[e]))
		}
		p.Starts = append(p.Starts, len(p.Places))
	}
	return &p
}

// rows returns what every block but the last computes, and what the last does.
func (b *Batch) rows() (all, last rows) {
	return rows{in: &b.Pass, out: &b.Pass, batch: b}, rows{in: &b.Pass, out: b.asked(), numbers: b.Rows, batch: b}
}
