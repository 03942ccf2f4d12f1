package infer

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/parallel"
)

// Each of many prompts is continued as it would be alone, in order, although
// texts end at different times and prompts that begin alike share what they do.
func TestGenerate(t *testing.T) {
	defer parallel.SetThreads(parallel.Threads())
	defer func(most int) { passTokens = most }(passTokens)
	passTokens = 100
	for _, name := range []string{"qwen2", "llama-dynamic"} {
		e := tiny(t, name)
		var prompts [][]int32
		few := tokens(77, 150, 40)
		for i := range uint64(3*maxBatch + 5) {
			shown := few // by most of them, a part of it or nothing by others
			if i < 5 || i%6 == 0 {
				shown = few[:int(i*17)%150]
			}
			prompts = append(prompts, slices.Concat(shown, tokens(i, 1+int(i*7)%23, 40)))
		}
		stop := func(out []int32) bool { return out[len(out)-1]%5 == 0 && len(out) > 3 }
		parallel.SetThreads(2)
		all := generate(t, e, prompts, 9, stop)
		parallel.SetThreads(1)
		lengths := map[int]bool{}
		for i, p := range prompts {
			want, err := e.Continue(t.Context(), p, 9, nn.ArgMax, stop)
			if err != nil || !slices.Equal(all[i], want) {
				t.Errorf("%s, prompt %d: %v among others, %v alone, %v", name, i, all[i], want, err)
			}
			lengths[len(want)] = true
		}
		if len(lengths) < 3 {
			t.Errorf("%s: only lengths %v", name, lengths)
		}
	}
}

// A sequence's logits are the same bits alone and among others.
func TestNextRowsAreIndependent(t *testing.T) {
	for _, name := range []string{"qwen2", "llama3", "qwen3-yarn", "llama-dynamic"} {
		e := tiny(t, name)
		var caches []*model.KVCache
		var last []int32
		var want [][]float32
		for i := range uint64(7) {
			ids := tokens(i, 2+int(i)*5, 40)
			for k := range 2 {
				c := e.Model.NewKVCache()
				e.Model.Extend(c, ids[:len(ids)-1], len(ids))
				if k == 0 {
					want = append(want, slices.Clone(e.Model.Next([]*model.KVCache{c}, ids[len(ids)-1:]).Row(0)))
				} else {
					caches, last = append(caches, c), append(last, ids[len(ids)-1])
				}
			}
		}
		logits := e.Model.Next(caches, last)
		for i := range caches {
			if !slices.Equal(logits.Row(i), want[i]) {
				t.Errorf("%s, sequence %d: %v among others, %v alone", name, i, logits.Row(i), want[i])
			}
		}
	}
}

// However little memory is free one text is written at a time, and ended ones make
// room.
func TestBatchFits(t *testing.T) {
	e := tiny(t, "qwen2")
	prompt := tokens(1, 30, 40)
	bytes := e.Model.Config.CacheBytes(30 + 10) // a page, which 20 + 10 tokens take, too
	for _, c := range []struct {
		free uint64
		want int
	}{{1, 1}, {bytes, 1}, {3*bytes + 1, 3}, {0, maxBatch}, {99 * bytes, maxBatch}} {
		b := batch{e: e, caches: caches{model: e.Model, free: c.free}}
		for b.fits(prompt, 10) {
			b.add(prompt, 10, nil)
		}
		if len(b.writers) != c.want || b.caches.used != uint64(c.want)*bytes {
			t.Errorf("%d bytes free: %d texts in %d bytes, want %d", c.free, len(b.writers), b.caches.used, c.want)
		}
		first := b.writers[0]
		first.ended = true
		if err := b.handOver(func([]int32) error { return nil }); err != nil {
			t.Fatal(err)
		}
		fits := b.fits(prompt, 10)
		if b.add(prompt[:20], 10, nil); !fits || b.caches.used != uint64(c.want)*bytes {
			t.Errorf("%d bytes free: no room after a text has ended; %d used", c.free, b.caches.used)
		}
	}
}

func TestGenerateStops(t *testing.T) {
	e := tiny(t, "qwen2")
	e.Model.Config.StopTokens = nil
	prompts := slices.Values([][]int32{{3}, {4}, {5}})
	full := errors.New("disk full")
	given := 0
	err := e.Generate(t.Context(), prompts, 3, nil, func([]int32) error { given++; return full })
	if !errors.Is(err, full) || given != 1 {
		t.Errorf("an answer that cannot be kept: %v after %d", err, given)
	}
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	err = e.Generate(ctx, prompts, 1000, func([]int32) bool {
		if steps++; steps == 7 {
			cancel()
		}
		return false
	}, nil)
	if !errors.Is(err, context.Canceled) || steps > 9 {
		t.Errorf("cancelled: %v after %d tokens", err, steps)
	}
}
