package infer

import (
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/rng"
)

// Sampling says how a token is drawn. The restrictions apply in this order, as
// in transformers: temperature, top-k, top-p.
type Sampling struct {
	Temperature float64 // 0: greedy
	TopK        int     // 0: all
	TopP        float64 // 1: all
	Seed        uint64
}

// Sampler returns a function that picks a token from logits (V).
func (s Sampling) Sampler() func(logits []float32) int32 {
	if s.Temperature == 0 {
		return nn.ArgMax
	}
	stream := rng.New(s.Seed, "sample")
	var order []uint64
	var weights []float64
	return func(logits []float32) int32 {
		order = descending(order[:0], logits)
		if s.TopK > 0 {
			order = order[:min(s.TopK, len(order))]
		}
		id := func(i int) int32 { return int32(uint32(order[i])) }
		largest := logits[id(0)]
		weights = weights[:0]
		total := 0.0
		for i := range order {
			w := math.Exp(float64(logits[id(i)]-largest) / s.Temperature)
			weights = append(weights, w)
			total += w
		}
		// The smallest set whose probability reaches top-p.
		kept := 0.0
		for i, w := range weights {
			kept += w
			if kept >= s.TopP*total {
				weights = weights[:i+1]
				break
			}
		}
		u := stream.Float64() * kept
		for i, w := range weights {
			if u -= w; u < 0 {
				return id(i)
			}
		}
		return id(len(weights) - 1)
	}
}

// descending appends the indices of logits, the largest logit first, of equal ones
// the first, and NaN last. Each lies in the lower half of a number: sorting those
// is several times as fast as sorting indices.
func descending(order []uint64, logits []float32) []uint64 {
	for i, v := range logits {
		key := math.Float32bits(v + 0) // which leaves one zero
		switch {
		case v != v:
			key = math.MaxUint32
		case v >= 0:
			key = ^key &^ (1 << 31)
		}
		order = append(order, uint64(key)<<32|uint64(i))
	}
	slices.Sort(order)
	return order
}
