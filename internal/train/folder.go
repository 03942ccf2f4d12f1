package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/peft"
)

// ResultsFile holds the accuracies; the evaluation writes it.
const ResultsFile = "results.json"

const summaryFile = "stablelora.json"

// runFiles are what a run writes into its folder beside checkpoints.
var runFiles = []string{"adapter_config.json", "adapter_model.safetensors", "README.md", summaryFile,
	configFile, metrics.MetricsFile, metrics.StabilityFile, ResultsFile}

// CheckFolder refuses a folder that is in use, before anything costly is done.
func CheckFolder(dir, resume string, overwrite bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return usagef("output.dir: %w", err)
	case len(entries) == 0 || overwrite || resume != "":
		return nil
	}
	return usagef("output.dir %s is not empty; go on with --resume auto, start anew with --overwrite, or choose another folder with --output", dir)
}

// clearFolder removes what an earlier run left; anything else in the folder
// stays.
func (t *trainer) clearFolder(o Options) error {
	if err := CheckFolder(t.dir, o.Resume, o.Overwrite); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(t.dir, "checkpoint-*"))
	if err != nil {
		return err
	}
	for _, f := range runFiles {
		old = append(old, filepath.Join(t.dir, f))
	}
	for _, path := range old {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// summary is stablelora.json: what PEFT's files have no place for.
type summary struct {
	Version   string         `json:"version"`
	Optimizer string         `json:"optimizer"`
	Seed      uint64         `json:"seed"`
	Steps     int            `json:"steps"`
	Tokens    int            `json:"tokens"`
	FinalLoss float64        `json:"final_loss"`
	Config    string         `json:"config_hash"`
	Model     string         `json:"model_hash"`
	Data      string         `json:"data_hash"`
	Stopped   map[string]int `json:"shrinking_stopped_at,omitempty"` // step per module; 0: never
}

// finish writes the adapter and its companions, and reads the adapter back.
func (t *trainer) finish(o Options) error {
	if err := t.adapter.Save(t.dir); err != nil {
		return err
	}
	if t.cfg.LoRA.Init != "zero" {
		if _, err := peft.Load(t.dir, peft.Modules(t.model)); err != nil {
			return fmt.Errorf("the adapter just written does not load: %w", err)
		}
	}
	if err := fsutil.WriteFile(filepath.Join(t.dir, "README.md"), t.modelCard(o)); err != nil {
		return err
	}
	s := summary{Version: o.Version, Optimizer: t.cfg.Optimizer.Name, Seed: t.cfg.Train.Seed, Steps: t.total,
		Tokens: t.tokens, FinalLoss: t.last.Loss, Config: t.cfg.TrajectoryHash(), Model: t.modelHash, Data: t.train.Hash}
	if stable, ok := t.optimizer.(*optim.StableLoRA); ok {
		s.Stopped = stable.State().StoppedAt
		o.Reporter.Message(shrinkReport(stable, len(t.pairs)))
	}
	return writeJSON(filepath.Join(t.dir, summaryFile), s)
}

// shrinkReport says in a sentence what Stable-LoRA did.
func shrinkReport(o *optim.StableLoRA, pairs int) string {
	stopped, first, last := 0, 0, 0
	for i := range pairs {
		if at := o.Status(i).StoppedAt; at > 0 {
			if stopped == 0 || at < first {
				first = at
			}
			last = max(last, at)
			stopped++
		}
	}
	switch {
	case stopped == 0:
		return fmt.Sprintf("shrinking went on to the end in all %d modules", pairs)
	case stopped < pairs:
		return fmt.Sprintf("shrinking stopped between steps %d and %d in %d of %d modules", first, last, stopped, pairs)
	}
	return fmt.Sprintf("shrinking stopped between steps %d and %d in all %d modules", first, last, pairs)
}

// modelCard is README.md with the front matter PEFT writes.
func (t *trainer) modelCard(o Options) []byte {
	var b strings.Builder
	base := t.cfg.Model.Path
	fmt.Fprintf(&b, "---\nbase_model: %q\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n", base)
	fmt.Fprintf(&b, "- %q\n- lora\n- transformers\n- stable-lora\n---\n\n", "base_model:adapter:"+base)
	fmt.Fprintf(&b, "# LoRA adapter of %s\n\n", filepath.Base(base))
	fmt.Fprintf(&b, "Trained by stablelora %s with %s: %d steps, %d tokens, final loss %.4f, seed %d.\n\n",
		o.Version, t.cfg.Optimizer.Name, t.total, t.tokens, t.last.Loss, t.cfg.Train.Seed)
	fmt.Fprintf(&b, "    %s\n\n", o.Command)
	fmt.Fprintf(&b, "`config.resolved.yaml` holds every setting, `metrics.jsonl` every step.\n")
	return []byte(b.String())
}
