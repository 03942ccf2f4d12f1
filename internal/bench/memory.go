package bench

import (
	"errors"

	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/parallel"
)

// ranks are those of the adapter that steps are measured with.
func ranks(c *model.Config) []model.Ranks {
	all := make([]model.Ranks, c.Layers)
	for i := range all {
		all[i][model.Q], all[i][model.V] = rank, rank
	}
	return all
}

// fits decides, as training does, whether activations must be computed again, and
// returns the size of a step's pass.
func fits(c *model.Config, tokens, supervised int, have uint64) (model.PassSize, error) {
	sizes := cost.Sizes{
		Config: c, WeightBytes: uint64(c.NumParameters()) * uint64(c.DType.Size()), BatchSize: 1, Threads: parallel.Threads(),
		Pass:  model.PassSize{Rows: tokens - 1, Asked: supervised, Ranks: ranks(c)},
		Other: batchSequences * c.CacheBytes(batchPrompt+batchTokens),
	}
	recompute, _, err := sizes.Choose("auto", have)
	sizes.Pass.Recompute = recompute
	if short := (*cost.MemoryError)(nil); errors.As(err, &short) {
		short.Remedy = "take a smaller preset or fewer tokens"
	}
	return sizes.Pass, err
}
