package bench

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/sysinfo"
)

// MemoryError says that a shape would not fit, before anything is allocated.
type MemoryError struct{ Need, Have uint64 } // bytes

func (e *MemoryError) Error() string {
	return fmt.Sprintf("the measurement needs about %.1f GB and %.1f GB are available; take a smaller preset or fewer tokens",
		float64(e.Need)/1e9, float64(e.Have)/1e9)
}

// fits decides, as training does, whether activations must be computed again:
// where they would take more than half of the memory beside the weights.
func fits(c *model.Config, tokens int, have uint64) (recompute bool, err error) {
	weights := 2 * uint64(c.NumParameters())
	cache := 8 * uint64(promptTokens+decodeTokens) * uint64(c.Layers*c.KVHeads*c.HeadDim)
	adapter := uint64(20*rank*c.Layers) * uint64(2*c.HiddenSize+(c.Heads+c.KVHeads)*c.HeadDim) // value, gradient, its sum, two moments
	need := func() uint64 {
		rows := uint64(max(tokens, promptTokens))
		return weights + cache + adapter + c.ActivationBytes(rows, recompute, false)
	}
	if have == 0 { // not known
		return false, nil
	}
	recompute = c.ActivationBytes(uint64(tokens), false, false) > (have-min(have, weights))/2
	if n := need(); n > have {
		return recompute, &MemoryError{n, have}
	}
	return recompute, nil
}

func available() uint64 { return sysinfo.AvailableMemory() }
