package infer

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stablelora/stablelora/internal/golden"
)

// greedy is a file of greedy continuations by transformers.
type greedy struct {
	MaxNewTokens int `json:"max_new_tokens"`
	Rows         []struct {
		Prompt    string
		PromptIDs []int32 `json:"prompt_ids"`
		IDs       []int32 `json:"generated_ids"`
		Text      string
	}
}

func checkGreedy(t *testing.T, modelDir, file string) {
	t.Helper()
	e, err := Open(modelDir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want greedy
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	var prompts [][]int32
	for _, r := range want.Rows {
		if got := e.Encode(r.Prompt, true); fmt.Sprint(got) != fmt.Sprint(r.PromptIDs) {
			t.Errorf("%q: tokens %v, want %v", r.Prompt, got, r.PromptIDs)
		}
		prompts = append(prompts, r.PromptIDs)
	}
	all := generate(t, e, prompts, want.MaxNewTokens, nil)
	for i, r := range want.Rows {
		ids, wantIDs := all[i], r.IDs
		if n := len(wantIDs); n > 0 && contains(e.Model.Config.StopTokens, wantIDs[n-1]) {
			wantIDs = wantIDs[:n-1] // ours end before the end-of-sequence token
		}
		if fmt.Sprint(ids) != fmt.Sprint(wantIDs) {
			t.Errorf("%q: generated %v, want %v", r.Prompt, ids, wantIDs)
		} else if got := e.Decode(ids, true); got != r.Text {
			t.Errorf("%q: text %q, want %q", r.Prompt, got, r.Text)
		}
	}
}

func contains(list []int32, v int32) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// The file is made by scripts/golden/infer.py from the demo model.
func TestDemo(t *testing.T) {
	dir, file := filepath.Join("..", "demo", "model"), filepath.Join("testdata", "demo.json")
	checkGreedy(t, dir, file)

	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Scores []struct {
			Tokens        []int32
			From          int
			LogLikelihood float64 `json:"log_likelihood"`
			Greedy        bool
		}
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	e, err := Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var reqs []Request
	for _, s := range want.Scores {
		reqs = append(reqs, Request{s.Tokens, s.From})
	}
	got := score(t, e, reqs)[0]
	worst := 0.0
	for i, s := range want.Scores {
		d := math.Abs(got[i].LogLikelihood - s.LogLikelihood)
		worst = max(worst, d)
		// Sums of tens of float32 logarithms.
		if !(d <= 1e-4-1e-5*s.LogLikelihood) || got[i].Greedy != s.Greedy {
			t.Errorf("request %d: %+v, transformers has %v %v", i, got[i], s.LogLikelihood, s.Greedy)
		}
	}
	t.Logf("%d log-likelihoods, largest difference %.2g", len(got), worst)
}

func TestSharedGreedy(t *testing.T) {
	for _, name := range []string{"qwen2-tiny", "llama3-tiny", "llama-untied-sharded", "llama-f16", "qwen3-tiny", "tinystories-656k"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(golden.Shared(t, "fixtures", "models"), name)
			if name == "tinystories-656k" {
				dir = golden.Shared(t, "models", name)
			}
			checkGreedy(t, dir, golden.Shared(t, "fixtures", "generate", name+".json"))
		})
	}
}
