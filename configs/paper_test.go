package configs

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/preset"
	"github.com/stablelora/stablelora/internal/train"
)

var quiet = metrics.NewReporter(io.Discard, false, true, 1)

// paperFiles returns the paper's configurations.
func paperFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("paper/*.yaml")
	if err != nil || len(files) != 7 {
		t.Fatalf("%d configurations of the paper (%v), want its five tasks, all of them together and MetaMathQA", len(files), err)
	}
	return files
}

// Every task goes with every model: r = 8 on q_proj and v_proj trains the paper's number
// of parameters, and what is resolved loads again as it is.
func TestPaperModels(t *testing.T) {
	want := map[string]int64{"qwen2-0.5b": 540672, "qwen2-1.5b": 1089536, "llama3.2-1b": 851968, "llama3.2-3b": 2293760}
	records := &train.Records{Number: 100, Sequence: cost.Sequence{Tokens: 100, Supervised: 25}}
	for _, file := range paperFiles(t) {
		for _, name := range preset.Names() {
			c, err := config.Load(file, []string{"model.path=" + name})
			if err != nil {
				t.Fatal(err)
			}
			shape, _ := preset.Config(name)
			job, err := train.Plan(c, shape, records, quiet)
			if err != nil {
				t.Fatalf("%s, %s: %v", file, name, err)
			}
			if n := cost.TrainableParameters(job.Config, job.Ranks); n != want[name] {
				t.Errorf("%s, %s: %d trained parameters, want %d", file, name, n, want[name])
			}
			resolved := filepath.Join(t.TempDir(), "config.resolved.yaml")
			text, err := c.YAML()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(resolved, text, 0o600); err != nil {
				t.Fatal(err)
			}
			again, err := config.Load(resolved, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := config.Diff(c, again); len(diff) > 0 || again.Output != c.Output {
				t.Errorf("%s, resolved and read again: %v", file, diff)
			}
		}
	}
}

// Every task's format reads the hub's records, here the harness's of internal/eval and a
// record of MetaMathQA.
func TestPaperFormats(t *testing.T) {
	metamath := filepath.Join(t.TempDir(), "metamath.jsonl")
	record := `{"query": "What is 1 + 2?", "response": "1 + 2 = 3. The answer is: 3", "type": "GSM_Rephrased"}`
	if err := os.WriteFile(metamath, []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range paperFiles(t) {
		c, err := config.Load(file, []string{"model.path=../internal/demo/model"})
		if err != nil {
			t.Fatal(err)
		}
		for _, files := range [][]config.DataFile{c.Data.Train, c.Data.Eval} {
			for i := range files {
				task, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(files[i].Path), ".jsonl"), "_train")
				task = strings.TrimSuffix(task, "_held_out")
				files[i].Path = filepath.Join("../internal/eval/testdata", strings.Replace(task, "arc_challenge", "arc_easy", 1)+".jsonl")
				if task == "metamath" {
					files[i].Path = metamath
				}
			}
		}
		job, err := train.Plan(c, nil, nil, quiet)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if job.Steps < 1 {
			t.Errorf("%s: %d steps", file, job.Steps)
		}
	}
}
