package eval_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/golden"
	"github.com/stablelora/stablelora/internal/infer"
)

// The whole way on real documents: file, wording, tokens, model, figures. Each
// choice's log-likelihood agrees with lm-evaluation-harness' to 1e-3 + 1e-5
// relative (sums of tens of float32 logarithms), the accuracies exactly.
func TestSharedHellaswag(t *testing.T) {
	if _, err := blas.Install(); err != nil {
		t.Fatal(err)
	}
	q, err := eval.Load(eval.TaskSpec{Name: "hellaswag", Path: golden.Shared(t, "fixtures", "lm-eval", "data", "hellaswag.jsonl.gz")})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tinystories-656k", "qwen2-tiny", "llama3-tiny"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(golden.Shared(t, "fixtures", "models"), name)
			if name == "tinystories-656k" {
				dir = golden.Shared(t, "models", name)
			} else if testing.Short() {
				t.Skip("one model is enough for -short")
			}
			e, err := infer.Open(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			r, err := q.Run(context.Background(), e, eval.Options{})
			if err != nil {
				t.Fatal(err)
			}
			compareSamples(t, r, golden.Shared(t, "fixtures", "lm-eval", "samples", name, "hellaswag-0shot.jsonl"))
			var want struct{ Results map[string]any }
			raw, err := os.ReadFile(golden.Shared(t, "fixtures", "lm-eval", "results", name, "hellaswag-0shot.json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			for _, m := range r.Metrics {
				if got := m.Mean(); got != want.Results[m.Key()] {
					t.Errorf("%s = %v, the harness has %v", m.Key(), got, want.Results[m.Key()])
				}
			}
		})
	}
}

// compareSamples compares the log-likelihoods with those recorded in a file.
func compareSamples(t *testing.T, r *eval.TaskResult, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	worst, i := 0.0, 0
	for lines := bufio.NewScanner(f); lines.Scan(); i++ {
		var want struct {
			LogLikelihood []float64
			Greedy        []bool `json:"is_greedy"`
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		for c, s := range r.Samples[i].Scores {
			d := math.Abs(s.LogLikelihood - want.LogLikelihood[c])
			worst = max(worst, d)
			if !(d <= 1e-3-1e-5*want.LogLikelihood[c]) || s.Greedy != want.Greedy[c] {
				t.Errorf("document %d, choice %d: %v %v, the harness has %v %v", i, c, s.LogLikelihood, s.Greedy, want.LogLikelihood[c], want.Greedy[c])
			}
		}
	}
	if i != len(r.Samples) {
		t.Errorf("%d documents, the harness has %d", len(r.Samples), i)
	}
	t.Logf("%d documents, largest difference of a log-likelihood %.2g", i, worst)
}

// Generations of several documents at a time are the harness', token by token.
func TestSharedGSM8K(t *testing.T) {
	if _, err := blas.Install(); err != nil {
		t.Fatal(err)
	}
	dir, five := golden.Shared(t, "fixtures", "lm-eval"), 5
	q, err := eval.Load(eval.TaskSpec{Name: "gsm8k", Path: dir + "/data/gsm8k.jsonl.gz", FewshotPath: dir + "/data/gsm8k_train.jsonl.gz",
		NumFewshot: &five, Limit: 8})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"qwen2-tiny", "llama3-tiny", "tinystories-656k"} {
		models := golden.Shared(t, "fixtures", "models")
		if name == "tinystories-656k" {
			models = golden.Shared(t, "models")
		}
		e, err := infer.Open(filepath.Join(models, name), "")
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		r, err := q.Run(context.Background(), e, eval.Options{MaxGenToks: 64})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(dir + "/samples/" + name + "/gsm8k-5shot.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		d, i := json.NewDecoder(bytes.NewReader(raw)), 0
		for ; d.More(); i++ {
			var want struct{ Generated string }
			if err := d.Decode(&want); err != nil {
				t.Fatal(err)
			}
			if got := r.Samples[i].Generated; got != want.Generated {
				t.Errorf("%s, document %d: %q, the harness has %q", name, i, got, want.Generated)
			}
		}
		if i != len(r.Samples) {
			t.Errorf("%s: %d generations, the harness has %d", name, len(r.Samples), i)
		}
	}
}
