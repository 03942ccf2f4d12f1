package infer

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
)

// beams searches all prompts at once.
func beams(t *testing.T, e *Engine, prompts [][]int32, beams, maxNew int) (all []Hypothesis) {
	t.Helper()
	err := e.BeamSearch(t.Context(), slices.Values(prompts), beams, maxNew, func(h Hypothesis) error {
		all = append(all, h)
		return nil
	})
	if err != nil || len(all) != len(prompts) {
		t.Fatalf("%d of %d prompts continued: %v", len(all), len(prompts), err)
	}
	return all
}

// The file is made by scripts/golden/beam.py: transformers' best hypotheses and
// their scores.
func TestBeamSearch(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "beam.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string][]struct {
		Prompt, EOS, IDs []int32
		Beams            int
		MaxNew           int `json:"max_new_tokens"`
		Ended            bool
		Score            float64
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	ended, rows := 0, 0
	for dir, want := range golden {
		m, err := model.Load(filepath.Join("..", "..", dir))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for _, w := range want {
			m.Config.StopTokens = w.EOS
			got := beams(t, &Engine{Model: m}, [][]int32{w.Prompt}, w.Beams, w.MaxNew)[0]
			if !slices.Equal(got.Tokens, w.IDs) || !(math.Abs(got.Score-w.Score) <= 3e-6) {
				t.Errorf("%s: %+v: found %v", dir, w, got)
			}
			rows++
			if w.Ended {
				ended++
			}
		}
	}
	if rows < 50 || ended < 10 || rows-ended < 10 {
		t.Errorf("%d rows, %d of them ended by a token", rows, ended)
	}
}

// A prompt's hypothesis has the same bits alone and among others, on any number of
// threads, although searches end at different times; one beam is greedy decoding.
func TestBeamSearchIsIndependent(t *testing.T) {
	defer parallel.SetThreads(parallel.Threads())
	lengths := map[int]bool{}
	for _, name := range []string{"qwen2", "llama-dynamic"} {
		e := tiny(t, name)
		e.Model.Config.StopTokens = []int32{2, 7, 11, 19, 33}
		var prompts [][]int32
		for i := range uint64(14) {
			prompts = append(prompts, tokens(i, 1+int(i*7)%23, 40))
		}
		parallel.SetThreads(2)
		all, greedy := beams(t, e, prompts, 3, 9), beams(t, e, prompts, 1, 9)
		parallel.SetThreads(1)
		for i, p := range prompts {
			alone := beams(t, e, [][]int32{p}, 3, 9)[0]
			if !slices.Equal(all[i].Tokens, alone.Tokens) || all[i].Score != alone.Score {
				t.Errorf("%s, prompt %d: %v among others, %v alone", name, i, all[i], alone)
			}
			lengths[len(alone.Tokens)] = true
			if want, err := e.Continue(t.Context(), p, 9, nn.ArgMax, nil); err != nil || !slices.Equal(greedy[i].Tokens, want) {
				t.Errorf("%s, prompt %d: one beam gives %v, greedy %v, %v", name, i, greedy[i], want, err)
			}
		}
	}
	if len(lengths) < 3 {
		t.Errorf("only lengths %v", lengths)
	}
}

// More beams than there are tokens, and more than are written at a time.
func TestManyBeams(t *testing.T) {
	e := tiny(t, "qwen2")
	e.Model.Config.StopTokens = nil
	exhaustive := beams(t, e, [][]int32{{3, 4}, {5}}, 50, 2)
	for i, prompt := range [][]int32{{3, 4}, {5}} {
		best := math.Inf(-1)
		for a := range int32(40) {
			for b := range int32(40) {
				sum, _ := plainScore(e, Request{append(slices.Clone(prompt), a, b), len(prompt)})
				best = max(best, sum/2)
			}
		}
		if math.Abs(exhaustive[i].Score-best) > 1e-5 {
			t.Errorf("%v: %v, but the best of all has %v", prompt, exhaustive[i], best)
		}
	}
}

// Hypotheses whose beams forked before, at and after the end of a page have the
// score of a plain pass over them.
func TestBeamsAcrossPages(t *testing.T) {
	for _, name := range []string{"qwen2", "llama3"} {
		e := tiny(t, name)
		e.Model.Config.StopTokens = nil
		var prompts [][]int32
		for i := range uint64(7) {
			prompts = append(prompts, tokens(i, 114+3*int(i), 40))
		}
		for i, h := range beams(t, e, prompts, 4, 14) {
			sum, _ := plainScore(e, Request{slices.Concat(prompts[i], h.Tokens), len(prompts[i])})
			if len(h.Tokens) != 14 || math.Abs(h.Score-sum/14) > 1e-5 {
				t.Errorf("%s: %d tokens after %d, score %v, a plain pass gives %v", name, len(h.Tokens), len(prompts[i]), h.Score, sum/14)
			}
		}
	}
}

func TestCandidatesTies(t *testing.T) {
	s := &search{size: 2, beams: []beam{{}, {}}}
	logits := tensor.New(2, 5)
	copy(logits.Data, []float32{1, 3, 3, 0, 1, 3, 1, 1, 0, 3})
	got, err := s.candidates(logits)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]int{{0, 1}, {0, 2}, {1, 0}, {1, 4}} {
		if got[i].beam != want[0] || int(got[i].token) != want[1] {
			t.Errorf("candidate %d: %+v, want beam and token %v", i, got[i], want)
		}
	}
	logits.Data[7] = float32(math.NaN())
	if _, err := s.candidates(logits); !errors.Is(err, ErrNotFinite) {
		t.Errorf("logits that are not numbers: %v", err)
	}
}

func TestBeamSearchStops(t *testing.T) {
	e := tiny(t, "qwen2")
	e.Model.Config.StopTokens = nil
	prompts := slices.Values([][]int32{{3}, {4}, {5}})
	full := errors.New("disk full")
	given := 0
	err := e.BeamSearch(t.Context(), prompts, 2, 3, func(Hypothesis) error { given++; return full })
	if !errors.Is(err, full) || given != 1 {
		t.Errorf("an answer that cannot be kept: %v after %d", err, given)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.BeamSearch(ctx, prompts, 2, 3, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
