package infer

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/rng"
	"github.com/stablelora/stablelora/internal/tokenizer"
)

func tiny(t *testing.T, name string) *Engine {
	t.Helper()
	m, err := model.Load(filepath.Join("..", "model", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return &Engine{Model: m}
}

func tokens(seed uint64, n, vocab int) []int32 {
	s := rng.New(seed, "tokens")
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(3 + s.IntN(vocab-3))
	}
	return ids
}

// The tokenizer's own names of BOS and EOS go before the model's, as in the
// harness: an instruction-tuned Qwen2 names a BOS in config.json that its tokenizer
// does not know as one.
func TestPrefixToken(t *testing.T) {
	dir := filepath.Join("..", "demo", "model")
	file, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	e := tiny(t, "llama3")
	five := int32(5)
	for _, tc := range []struct {
		config string
		bos    *int32
		prefix int32
		eos    string
	}{
		{`{}`, &five, 5, "&"},
		{`{}`, nil, 6, "&"},
		{`{"bos_token": null, "eos_token": "<|endoftext|>"}`, &five, 0, "<|endoftext|>"},
		{`{"bos_token": "!", "eos_token": "<|endoftext|>"}`, &five, 1, "<|endoftext|>"},
	} {
		dir := t.TempDir()
		for name, data := range map[string][]byte{"tokenizer.json": file, "tokenizer_config.json": []byte(tc.config)} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if e.Tokenizer, err = tokenizer.Load(dir); err != nil {
			t.Fatal(err)
		}
		e.Model.Config.BOS, e.Model.Config.EOS = tc.bos, []int32{6}
		if prefix, eos := e.PrefixToken(), e.EOSText(); prefix != tc.prefix || eos != tc.eos {
			t.Errorf("%s: %d and %q, want %d and %q", tc.config, prefix, eos, tc.prefix, tc.eos)
		}
	}
}

// Generation with the cache picks what a full forward pass over everything so
// far would, at any length of the prompt and with every kind of rotation.
func TestContinueEqualsFullPass(t *testing.T) {
	for _, name := range []string{"qwen2", "llama3", "qwen3-yarn", "llama-dynamic"} {
		e := tiny(t, name)
		e.Model.Config.StopTokens = nil
		prompt := tokens(4, 6, 40)
		maxNew := 20
		if name == "llama-dynamic" {
			// Beyond the original context its frequencies change with the length,
			// and cached keys keep their rotation, here as in transformers.
			maxNew = e.Model.Config.MaxPositions - len(prompt)
		}
		got := generate(t, e, [][]int32{prompt}, maxNew, nil)[0]
		all := append([]int32{}, prompt...)
		for range got {
			b := &model.Batch{Pass: nn.Pass{Starts: []int{0, len(all)}}, Tokens: all, Rows: []int{len(all) - 1}}
			all = append(all, nn.ArgMax(e.Model.Logits(b).Row(0)))
		}
		if len(got) != maxNew || fmt.Sprint(all[len(prompt):]) != fmt.Sprint(got) {
			t.Errorf("%s: generated %v, full passes give %v", name, got, all[len(prompt):])
		}
	}
}

// A cache gives the same bits however the prompt is cut into parts, and after it
// had another text; a fork of it, those of a cache of its own, whatever becomes of
// the two; and a limit far away takes no memory.
func TestCache(t *testing.T) {
	for _, name := range []string{"llama3", "qwen3-yarn", "llama-dynamic"} {
		e := tiny(t, name)
		ids, other := tokens(2, 300, 40), tokens(3, 300, 40) // of more than one page
		logits := func(c *model.KVCache, last int32) []float32 {
			return slices.Clone(e.Model.Next([]*model.KVCache{c}, []int32{last}).Row(0))
		}
		computed := func(ids []int32, parts int) *model.KVCache {
			c := e.Model.NewKVCache()
			e.Model.Extend(c, other[:parts], parts)
			c.Release()
			for chunk := range slices.Chunk(ids, parts) {
				e.Model.Extend(c, chunk, 300)
			}
			return c
		}
		want := logits(computed(ids[:299], 299), ids[299])
		for _, part := range []int{1, 7, 127, 128, 150, 298} {
			if got := logits(computed(ids[:299], part), ids[299]); !slices.Equal(got, want) {
				t.Errorf("%s in parts of %d: logits %v, want %v", name, part, got, want)
			}
		}
		for _, n := range []int{1, 127, 128, 129, 256, 299} {
			whole := computed(ids[:299], 299)
			fork := whole.Fork(n)
			e.Model.Extend(fork, other[n:], 300)
			if got := logits(whole, ids[299]); !slices.Equal(got, want) {
				t.Errorf("%s: logits %v after a fork of %d tokens went on, want %v", name, got, n, want)
			}
			whole.Release()
			e.Model.Extend(whole, other, 300) // in the pages given back
			own := computed(slices.Concat(ids[:n], other[n:]), 300)
			if got, want := logits(fork, 5), logits(own, 5); !slices.Equal(got, want) || fork.Len() != 301 {
				t.Errorf("%s: logits %v of a fork of %d tokens, want %v", name, got, n, want)
			}
		}
		stop := func(out []int32) bool { return len(out) == 2 }
		if _, err := e.Continue(context.Background(), ids[:1], math.MaxInt32, nn.ArgMax, stop); err != nil {
			t.Error(err)
		}
	}
}

// generate continues prompts and returns the answers.
func generate(t *testing.T, e *Engine, prompts [][]int32, maxNew int, stop func([]int32) bool) (all [][]int32) {
	t.Helper()
	err := e.Generate(t.Context(), slices.Values(prompts), maxNew, stop, func(ids []int32) error {
		all = append(all, ids)
		return nil
	})
	if err != nil || len(all) != len(prompts) {
		t.Fatalf("%d of %d prompts continued: %v", len(all), len(prompts), err)
	}
	return all
}

func TestContinueStops(t *testing.T) {
	e := tiny(t, "qwen2")
	e.Model.Config.StopTokens = []int32{7, 9}
	script := []int32{5, 6, 7, 8}
	next := func([]float32) int32 { id := script[0]; script = script[1:]; return id }
	got, _ := e.Continue(context.Background(), []int32{3}, 10, next, nil)
	if fmt.Sprint(got) != "[5 6]" {
		t.Errorf("at a stop token: %v", got)
	}
	script = []int32{5, 6, 8, 8}
	got, _ = e.Continue(context.Background(), []int32{3}, 10, next, func(ids []int32) bool { return len(ids) == 3 })
	if fmt.Sprint(got) != "[5 6 8]" {
		t.Errorf("when told to: %v", got)
	}
	script = []int32{5, 6, 8, 8}
	if got, _ = e.Continue(context.Background(), []int32{3}, 2, next, nil); fmt.Sprint(got) != "[5 6]" {
		t.Errorf("at the limit: %v", got)
	}
}

func TestDescending(t *testing.T) {
	inf, nan, minusZero := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	logits := []float32{minusZero, 2, nan, -inf, 0, -1e-40, inf, 2, -3, 1e-40, -nan, -3, math.MaxFloat32, -math.MaxFloat32}
	var got []int32
	for _, key := range descending(nil, logits) {
		got = append(got, int32(uint32(key)))
	}
	want := []int32{6, 12, 1, 7, 9, 0, 4, 5, 8, 11, 13, 3, 2, 10}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSampling(t *testing.T) {
	logits := []float32{1, 3, 2, 3, -1}
	draw := func(s Sampling, n int) map[int32]int {
		pick, count := s.Sampler(), map[int32]int{}
		for range n {
			count[pick(logits)]++
		}
		return count
	}
	if c := draw(Sampling{Temperature: 0, TopP: 1}, 5); c[1] != 5 {
		t.Errorf("greedy drew %v, want the first of the largest", c)
	}
	if c := draw(Sampling{Temperature: 1, TopK: 3, TopP: 1, Seed: 1}, 2000); c[0]+c[4] != 0 || c[2] == 0 {
		t.Errorf("top-k 3 drew %v", c)
	}
	// p(1) = p(3) = 0.4 to the nearest percent: 0.7 needs both, and no more.
	if c := draw(Sampling{Temperature: 1, TopP: 0.7, Seed: 1}, 2000); c[0]+c[2]+c[4] != 0 || c[3] == 0 {
		t.Errorf("top-p 0.7 drew %v", c)
	}
	const n = 40000
	c := draw(Sampling{Temperature: 2, TopP: 1, Seed: 3}, n)
	total := 0.0
	for _, v := range logits {
		total += math.Exp(float64(v) / 2)
	}
	for id, v := range logits {
		p := math.Exp(float64(v)/2) / total
		if got := float64(c[int32(id)]) / n; math.Abs(got-p) > 4*math.Sqrt(p*(1-p)/n) {
			t.Errorf("token %d drawn with frequency %.4f, probability %.4f", id, got, p)
		}
	}
	one, again := Sampling{Temperature: 1, TopP: 1, Seed: 5}.Sampler(), Sampling{Temperature: 1, TopP: 1, Seed: 5}.Sampler()
	for range 50 {
		if a, b := one(logits), again(logits); a != b {
			t.Fatalf("with the same seed %d and %d were drawn", a, b)
		}
	}
}
