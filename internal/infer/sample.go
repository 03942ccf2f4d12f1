package infer

import (
	"cmp"
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
	var ids []int32
	var weights []float64
	return func(logits []float32) int32 {
		ids = ids[:0]
		for i := range logits {
			ids = append(ids, int32(i))
		}
		slices.SortFunc(ids, func(a, b int32) int {
			return cmp.Or(cmp.Compare(logits[b], logits[a]), cmp.Compare(a, b))
		})
		if s.TopK > 0 {
			ids = ids[:min(s.TopK, len(ids))]
		}
		weights = weights[:0]
		total := 0.0
		for _, id := range ids {
			w := math.Exp(float64(logits[id]-logits[ids[0]]) / s.Temperature)
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
				return ids[i]
			}
		}
		return ids[len(weights)-1]
	}
}
