package model

import (
	"strings"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/rng"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Random returns a decoder with BF16 weights drawn from U(-0.035, 0.035), whose
// deviation is the usual 0.02, with norms of 1 and biases of 0: for measuring,
// not for training. A weight is a function of the seed, its tensor's name and
// its place. The decoder has no files: Weights is nil, and nothing that asks
// for them may be called.
func Random(c *Config, seed uint64) *Decoder {
	r := &random{seed: seed}
	for i := range r.values { // evenly over the range
		r.values[i] = dtype.ToBF16(0.035 * (2*float32(i)/float32(len(r.values)) - 1))
	}
	return wire(c, r)
}

// random draws weights: 12 bits choose one of the values.
type random struct {
	seed   uint64
	values [1 << 12]uint16
}

func (r *random) hopeless() bool { return false }

func (r *random) embeddings(c *Config) (embed, head *tensor.Weight) {
	embed = r.matrix("model.embed_tokens.weight", c.VocabSize, c.HiddenSize)
	if c.TieEmbeddings {
		return embed, embed
	}
	return embed, r.matrix("lm_head.weight", c.VocabSize, c.HiddenSize)
}

func (r *random) vector(name string, n int) []float32 {
	v := make([]float32, n)
	if !strings.HasSuffix(name, ".bias") {
		for i := range v {
			v[i] = 1
		}
	}
	return v
}

func (r *random) matrix(name string, rows, cols int) *tensor.Weight {
	const grain = 1 << 16
	data := make([]uint16, rows*cols)
	parallel.Range(len(data), grain, func(lo, hi int) {
		s := rng.New(r.seed, "weight/"+name, uint64(lo))
		for part := data[lo:hi]; len(part) > 0; {
			bits := s.Uint64()
			n := min(5, len(part))
			for i := range n {
				part[i] = r.values[bits>>(12*i)%uint64(len(r.values))]
			}
			part = part[n:]
		}
	})
	return tensor.NewWeight(name, blas.Source{DType: dtype.BF16, Rows: rows, Cols: cols, U16: data})
}
