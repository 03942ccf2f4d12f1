package infer

import (
	"context"
	"errors"
	"slices"

	"github.com/stablelora/stablelora/internal/nn"
)

// promptChunk is how many prompt tokens are computed at a time.
const promptChunk = 512

// roomAhead is for how many new tokens the cache has room at first: maxNew may be
// far above what is written before the text ends.
const roomAhead = 512

// Generate continues prompt greedily; see Continue.
func (e *Engine) Generate(ctx context.Context, prompt []int32, maxNew int, stop func([]int32) bool) ([]int32, error) {
	return e.Continue(ctx, prompt, maxNew, nn.ArgMax, stop)
}

// Continue returns the tokens that next picks from the logits (V), one after
// the other, until one of them ends the text (it is not returned), there are
// maxNew, or stop, which may be nil, says so of those generated so far.
func (e *Engine) Continue(ctx context.Context, prompt []int32, maxNew int, next func(logits []float32) int32, stop func([]int32) bool) ([]int32, error) {
	cache := e.Model.NewKVCache(len(prompt) + min(maxNew, roomAhead))
	var logits []float32
	size := promptChunk
	if e.Model.Dynamic() {
		size = len(prompt)
	}
	for chunk := range slices.Chunk(prompt, size) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		logits = e.Model.Extend(cache, chunk)
	}
	var out []int32
	for len(out) < maxNew {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		id := next(logits)
		if logits[id] != logits[id] {
			return out, errors.New("the model's logits are not numbers; its weights or the adapter's are broken")
		}
		if slices.Contains(e.Model.Config.StopTokens, id) {
			break
		}
		out = append(out, id)
		if stop != nil && stop(out) || len(out) == maxNew {
			break
		}
		logits = e.Model.Extend(cache, out[len(out)-1:])
	}
	return out, nil
}
