package train

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/metrics"
)

// Runs that share a model are the runs that do not: nothing of one reaches the
// next, whatever their adapters, ranks and data.
func TestSharedRuns(t *testing.T) {
	held := func(c *config.Config) {
		c.Data.Eval = []config.DataFile{{Path: c.Data.Train[0].Path, Format: "auto", Weight: 1, MaxSamples: 3},
			{Path: c.Data.Train[1].Path, Format: "auto", Weight: 1, MaxSamples: 2}}
		c.Train.MaxSteps = 2
	}
	var shared Shared
	defer shared.Close()
	for name, change := range map[string]func(*config.Config){
		"all":   held,
		"two":   func(c *config.Config) { held(c); c.LoRA.TargetModules = config.Targets{Names: []string{"v_proj"}} },
		"wide":  func(c *config.Config) { held(c); c.LoRA.R, c.Train.Seed = 16, 7 },
		"other": func(c *config.Config) { held(c); c.Data.TrainOn, c.Train.Recompute = "all", "always" },
	} {
		alone, together := demoRun(t, change), demoRun(t, change)
		mustRun(t, alone, Options{})
		mustRun(t, together, Options{Shared: &shared})
		if !bytes.Equal(adapterBytes(t, alone), adapterBytes(t, together)) {
			t.Errorf("%s: other bytes when the model is shared", name)
		}
		if d := cmp.Diff(read(t, alone.Output.Dir, metrics.ItemsFile), read(t, together.Output.Dir, metrics.ItemsFile)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		model := shared.model
		if err := Check(Options{Config: together, Reporter: &reporter{}, Shared: &shared}); err != nil || shared.model != model {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(shared.data) != 4 { // two files, completions and all of it
		t.Errorf("%d data sets were read", len(shared.data))
	}
}

// The records' losses add up to the held-out loss.
func TestHeldOutItems(t *testing.T) {
	cfg := demoRun(t, func(c *config.Config) {
		c.Data.Eval = []config.DataFile{{Path: c.Data.Train[1].Path, Format: "auto", Weight: 1, MaxSamples: 5},
			{Path: c.Data.Train[0].Path, Format: "auto", Weight: 1, MaxSamples: 2}}
		c.Train.MaxSteps = 1
	})
	mustRun(t, cfg, Options{})
	items, err := metrics.ReadItems(cfg.Output.Dir)
	if err != nil || len(items.HeldOut) != 2 {
		t.Fatalf("%+v, %v", items, err)
	}
	sum, tokens := 0.0, 0
	for i, n := range []int{5, 2} {
		h := items.HeldOut[i]
		if h.Path != cfg.Data.Eval[i].Path || len(h.Losses) != n || len(h.Tokens) != n {
			t.Fatalf("%+v", h)
		}
		for j := range n {
			sum, tokens = sum+h.Losses[j], tokens+h.Tokens[j]
		}
	}
	rows := read(t, cfg.Output.Dir, metrics.MetricsFile)
	if want := evalLoss(t, rows); sum/float64(tokens)-want > 1e-12 || want-sum/float64(tokens) > 1e-12 {
		t.Errorf("the items give %v, the log %v", sum/float64(tokens), want)
	}
}

// evalLoss is the last held-out loss of metrics.jsonl.
func evalLoss(t *testing.T, rows []byte) float64 {
	t.Helper()
	for _, line := range bytes.Split(bytes.TrimSpace(rows), []byte("\n")) {
		var row metrics.EvalRow
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		if row.EvalLoss != nil {
			return *row.EvalLoss
		}
	}
	t.Fatal("no held-out loss was recorded")
	return 0
}
