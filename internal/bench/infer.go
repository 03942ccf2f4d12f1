package bench

import (
	"context"
	"slices"
	"time"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
)

const (
	promptTokens = 512
	decodeTokens = 64 // after them

	batchSequences = 8
	batchPrompt    = 32 // tokens of each
	batchTokens    = 24 // after them, of each
)

// infer measures the base model: the median of a few prompts, each up to the
// first new token, then a text that is decoded alone and some that are together.
func (r *Result) infer(ctx context.Context, m *model.Decoder, o Options) error {
	o.Message("timing prompt and decode")
	cache := m.NewKVCache()
	var seconds []float64
	for range 3 {
		cache.Release()
		start := time.Now()
		if err := write(ctx, m, []*model.KVCache{cache}, promptTokens, 1); err != nil {
			return err
		}
		seconds = append(seconds, time.Since(start).Seconds())
	}
	slices.Sort(seconds)
	r.PromptSpeed = promptTokens / seconds[1]

	start := time.Now()
	if err := write(ctx, m, []*model.KVCache{cache}, 0, decodeTokens); err != nil {
		return err
	}
	r.DecodeSpeed = decodeTokens / time.Since(start).Seconds()
	weights := m.Config.NumParameters() // that a token reads: an embedding that is not the head is not among them
	if !m.Config.TieEmbeddings {
		weights -= int64(m.Config.VocabSize * m.Config.HiddenSize)
	}
	r.DecodeRead = 2 * float64(weights) * r.DecodeSpeed

	cache.Release() // more than this is taken now
	var caches []*model.KVCache
	for range batchSequences {
		caches = append(caches, m.NewKVCache())
	}
	if err := write(ctx, m, caches, batchPrompt, 1); err != nil {
		return err
	}
	start = time.Now()
	if err := write(ctx, m, caches, 0, batchTokens-1); err != nil {
		return err
	}
	r.BatchSequences = batchSequences
	r.BatchSpeed = batchSequences * (batchTokens - 1) / time.Since(start).Seconds()
	return nil
}

// write computes prompt tokens of each sequence but for the last one, then
// decodes some.
func write(ctx context.Context, m *model.Decoder, caches []*model.KVCache, prompt, tokens int) error {
	ids := randomTokens(max(prompt, len(caches)), m.Config.VocabSize)
	if prompt > 0 {
		for _, c := range caches {
			m.Extend(c, ids[:prompt-1], prompt)
		}
	}
	last := slices.Clone(ids[:len(caches)])
	for range tokens {
		if err := ctx.Err(); err != nil {
			return err
		}
		logits := m.Next(caches, last)
		for i := range last {
			last[i] = nn.ArgMax(logits.Row(i))
		}
	}
	return nil
}
