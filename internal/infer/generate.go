package infer

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/model"
)

// roomAhead is for how many new tokens at most memory is set aside: maxNew may be
// far above what is written before the text ends.
const roomAhead = 512

// ErrNotFinite says that a model computes no numbers to choose a token by.
var ErrNotFinite = errors.New("the model's logits are not finite; the adapter's weights or the model's are broken or far too large")

// Continue returns the tokens that next picks from the logits (V), one after
// the other, until one of them ends the text (it is not returned), there are
// maxNew, at least 1, or stop, which may be nil, says so of those generated so
// far.
func (e *Engine) Continue(ctx context.Context, prompt []int32, maxNew int, next func(logits []float32) int32, stop func([]int32) bool) ([]int32, error) {
	w := newWriter(e.Model.NewKVCache(), prompt, maxNew, next, stop)
	err := e.prefill(ctx, w.cache, prompt)
	for err == nil && !w.ended {
		err = e.step(ctx, []*writer{w})
	}
	w.cache.Release()
	return w.out, err
}

// room is for how many tokens of a continuation memory is set aside.
func room(prompt []int32, maxNew int) int { return len(prompt) + min(maxNew, roomAhead) }

// writer is a continuation under way.
type writer struct {
	prompt []int32
	cache  *model.KVCache
	last   int32   // the newest token, which is not in the cache yet
	out    []int32 // generated so far
	ended  bool
	maxNew int
	next   func(logits []float32) int32
	stop   func([]int32) bool
}

func newWriter(cache *model.KVCache, prompt []int32, maxNew int, next func([]float32) int32, stop func([]int32) bool) *writer {
	return &writer{prompt: prompt, cache: cache, last: prompt[len(prompt)-1], maxNew: maxNew, next: next, stop: stop}
}

// prefill computes a prompt but for its last token and what the cache holds of it.
func (e *Engine) prefill(ctx context.Context, cache *model.KVCache, prompt []int32) error {
	return e.extend(ctx, cache, prompt[cache.Len():len(prompt)-1], len(prompt))
}

// extend computes the next tokens of a cached sequence, part of a text of length
// tokens.
func (e *Engine) extend(ctx context.Context, cache *model.KVCache, tokens []int32, length int) error {
	for chunk := range slices.Chunk(tokens, passTokens) {
		if err := ctx.Err(); err != nil {
			return err
		}
		e.Model.Extend(cache, chunk, length)
	}
	return nil
}

// step writes one more token of each text.
func (e *Engine) step(ctx context.Context, writers []*writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var caches []*model.KVCache
	var tokens []int32
	for _, w := range writers {
		caches, tokens = append(caches, w.cache), append(tokens, w.last)
	}
	logits := e.Model.Next(caches, tokens)
	for i, w := range writers {
		row := logits.Row(i)
		id := w.next(row)
		if x := float64(row[id]); math.IsNaN(x) || math.IsInf(x, 0) {
			return ErrNotFinite
		}
		if slices.Contains(e.Model.Config.StopTokens, id) {
			w.ended = true
			continue
		}
		w.last, w.out = id, append(w.out, id)
		w.ended = len(w.out) == w.maxNew || w.stop != nil && w.stop(w.out)
	}
	return nil
}
