package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/stablelora/stablelora/internal/checkpoint"
	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/overlap"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/stability"
	"github.com/stablelora/stablelora/internal/tensor"
)

// ResultsFile holds the accuracies; the evaluation writes it.
const ResultsFile = "results.json"

// ReportFile shows the run as pictures; what writes it is not known here.
const ReportFile = "report.html"

const (
	summaryFile = "stablelora.json"
	cardFile    = "README.md"
)

// runFiles are what a run writes into its folder beside checkpoints.
var runFiles = []string{peft.ConfigFile, peft.WeightsFile, peft.WeightsFile + rejectedSuffix, cardFile, summaryFile,
	configFile, metrics.MetricsFile, metrics.StabilityFile, metrics.ItemsFile, ResultsFile, ReportFile}

// CheckFolder refuses a folder that is in use, before anything costly is done, and
// in any case one with files that are no run's and that a run would replace.
func CheckFolder(dir, resume string, overwrite bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return usagef("output.dir: %w", err)
	case len(entries) > 0 && !overwrite && resume == "":
		return usagef("output.dir %s is not empty; go on with --resume auto, start anew with --overwrite, or choose another folder with --output", dir)
	}
	foreign := ""
	for _, e := range entries {
		switch name := e.Name(); {
		case name == configFile, strings.HasPrefix(name, "checkpoint-"):
			return nil // a run's: of these files the first it writes and the last that is removed
		case name == peft.ConfigFile, name == peft.WeightsFile, name == cardFile:
			foreign = name
		}
	}
	if foreign != "" {
		return usagef("output.dir %s holds a %s that a run would replace, but no run (%s is missing); choose another folder with --output", dir, foreign, configFile)
	}
	return nil
}

// checkApart refuses an input's folder for the run: an adapter to start from would
// be gone before there is another, and transformers loads a model together with an
// adapter that lies beside it.
func (t *trainer) checkApart() error {
	for _, input := range [][2]string{{"model.path", t.cfg.Model.Path}, {"lora.init_from", t.cfg.LoRA.InitFrom}} {
		if input[1] != "" && sameFolder(input[1], t.dir) {
			return usagef("output.dir %s is the folder of %s; choose another one with --output", t.dir, input[0])
		}
	}
	return nil
}

// clearFolder removes what an earlier run left; anything else in the folder
// stays.
func (t *trainer) clearFolder() error {
	if err := CheckFolder(t.dir, t.opt.Resume, t.opt.Overwrite); err != nil {
		return err
	}
	if err := checkpoint.CutBack(t.dir, -1); err != nil {
		return err
	}
	for _, f := range runFiles {
		if err := fsutil.RemoveAll(filepath.Join(t.dir, f)); err != nil {
			return err
		}
	}
	return nil
}

// summary is stablelora.json: what PEFT's files have no place for.
type summary struct {
	Version   string             `json:"version"`
	Optimizer string             `json:"optimizer"`
	Seed      uint64             `json:"seed"`
	Steps     int                `json:"steps"`
	Tokens    int                `json:"tokens"`
	FinalLoss float64            `json:"final_loss"`
	Elapsed   float64            `json:"elapsed_seconds"`
	Config    string             `json:"config_hash"`
	Model     string             `json:"model_hash"`
	Data      string             `json:"data_hash"`
	Stopped   map[string]int     `json:"shrinking_stopped_at,omitempty"` // step per module; 0: never
	ShrunkTo  map[string]float64 `json:"shrunk_to,omitempty"`            // (1-λ)^shrinks per module: what shrinking left of A
	Stability stability.Outcome  `json:"stability"`
	Overlap   []overlap.Found    `json:"training_overlap,omitempty"` // of evaluation data
}

// finished returns the result of a run that --resume auto finds complete; it is
// left as it is.
func (t *trainer) finished() (*Result, error) {
	if t.opt.Resume != "auto" {
		return nil, nil
	}
	path := filepath.Join(t.dir, summaryFile)
	raw, err := fsutil.ReadFile(path, fsutil.MaxFile)
	if err != nil {
		return nil, nil // not finished, or not begun
	}
	var s summary
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fsutil.Input(path, err)
	}
	if s.Config != t.cfg.TrajectoryHash() || s.Model != t.modelHash || s.Data != t.train.Hash {
		return nil, usagef("%s holds a finished run of another configuration, model or data; use --overwrite to replace it, or another folder", t.dir)
	}
	if _, err := peft.Load(t.dir, peft.Modules(t.model), peft.AllowZeroB); err != nil {
		return nil, fmt.Errorf("%w; the run is finished but for this adapter: put it back, or remove %s and give --resume auto once more, which goes on from the newest checkpoint or, without one, starts afresh", err, path)
	}
	t.opt.Reporter.Message(fmt.Sprintf("%s holds this run finished, %d steps; nothing to do", t.dir, s.Steps))
	old, err := config.Load(filepath.Join(t.dir, configFile), nil)
	if err == nil && !(reflect.DeepEqual(old.Eval, t.cfg.Eval) && reflect.DeepEqual(old.Data.Eval, t.cfg.Data.Eval)) {
		t.opt.Reporter.Warn("eval or data.eval are not those it was finished with, and nothing is evaluated anew; stablelora eval --config scores the tasks")
	}
	return &Result{OutputDir: t.dir, Steps: s.Steps, Tokens: s.Tokens, FinalLoss: s.FinalLoss, Elapsed: s.Elapsed, Stability: s.Stability}, nil
}

// finish writes the adapter and its companions, and reads the adapter back. A run
// that learnt nothing has failed, unless it set out from the saddle point.
func (t *trainer) finish() error {
	losses := t.sampleLosses() // no step has computed with the last update yet
	if !finite(sum(losses)) {
		return t.spoiled(t.total-1, "loss after the update")
	}
	if err := t.adapter.Save(t.dir); err != nil {
		return err
	}
	if err := t.readBack(losses); err != nil {
		return err
	}
	t.outcome = t.monitor.Outcome()
	t.opt.Reporter.Message("stability: " + t.outcome.Text)
	if err := fsutil.WriteFile(filepath.Join(t.dir, cardFile), t.modelCard()); err != nil {
		return err
	}
	var bs []*tensor.Param
	for _, p := range t.pairs {
		bs = append(bs, p.B)
	}
	const still = "B is still 0 in every module: the adapter changes nothing, and eval, generate and merge refuse it"
	switch {
	case zero(bs) && t.cfg.LoRA.Init == "zero" && t.cfg.LoRA.InitFrom == "":
		t.opt.Reporter.Warn(still)
	case zero(bs):
		return fmt.Errorf("%w in %d steps: %s; its gradients were 0, train.learning_rate is too small to change it, or optimizer.update_skipping left every update out; what was written stays in %s",
			ErrNothingLearnt, t.total, still, t.dir)
	case t.idle(losses):
		t.opt.Reporter.Warn("with the adapter, the losses of the shortest training example are the base model's to the last bit: train.learning_rate, lora.alpha or train.max_grad_norm may be too small")
	}
	return nil
}

// summarize writes the summary, the last file of a run: with it the run is
// finished, its evaluation included.
func (t *trainer) summarize() error {
	if err := t.log.Sync(); err != nil {
		return err
	}
	s := summary{Version: t.opt.Version, Optimizer: t.cfg.Optimizer.Name, Seed: t.cfg.Train.Seed, Steps: t.total,
		Tokens: t.tokens, FinalLoss: t.last.Loss, Elapsed: t.elapsed, Config: t.cfg.TrajectoryHash(), Model: t.modelHash, Data: t.train.Hash,
		Overlap: t.opt.Overlap, Stability: t.outcome}
	if stable, ok := t.optimizer.(*optim.StableLoRA); ok {
		s.Stopped, s.ShrunkTo = stable.State().StoppedAt, map[string]float64{}
		for i, p := range t.pairs {
			s.ShrunkTo[p.Name] = stable.Status(i).Factor
		}
	}
	return writeJSON(filepath.Join(t.dir, summaryFile), s)
}

// modelCard is README.md with the front matter PEFT writes.
func (t *trainer) modelCard() []byte {
	var b strings.Builder
	base := t.cfg.Model.Path
	fmt.Fprintf(&b, "---\nbase_model: %q\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n", base)
	fmt.Fprintf(&b, "- %q\n- lora\n- transformers\n- stable-lora\n---\n\n", "base_model:adapter:"+base)
	fmt.Fprintf(&b, "# LoRA adapter of %s\n\n", filepath.Base(base))
	fmt.Fprintf(&b, "Trained by stablelora %s with %s: %d steps, %d tokens, final loss %.4f, seed %d.\n\n",
		t.opt.Version, t.cfg.Optimizer.Name, t.total, t.tokens, t.last.Loss, t.cfg.Train.Seed)
	fmt.Fprintf(&b, "    %s\n\n", t.opt.Command)
	fmt.Fprintf(&b, "Stability: %s.\n\n", t.outcome.Text)
	fmt.Fprintf(&b, "`config.resolved.yaml` holds every setting, `metrics.jsonl` every step.\n")
	return []byte(b.String())
}
