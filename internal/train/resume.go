package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/checkpoint"
	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/safetensors"
	"github.com/stablelora/stablelora/internal/stability"
)

// Files of a checkpoint beside the adapter's own.
const (
	stateFile     = "state.json"
	optimizerFile = "optimizer.safetensors"
	configFile    = "config.resolved.yaml"
)

// state is state.json: what a run needs to go on beside its tensors. The data
// cursor is the step, since a step's batch is a function of it.
type state struct {
	Step      int              `json:"step"` // steps done
	Optimizer optim.State      `json:"optimizer"`
	Config    string           `json:"config_hash"` // of the keys that alter the trajectory
	Model     string           `json:"model_hash"`
	Data      string           `json:"data_hash"`
	Tokens    int              `json:"tokens"`
	Elapsed   float64          `json:"elapsed_seconds"`
	LastLoss  float64          `json:"last_loss"`
	Stability stability.Memory `json:"stability"`
}

// save writes checkpoint-<steps> and removes those beyond output.keep_last. One
// that is there already, and whole, is left.
func (t *trainer) save(steps int) (string, error) {
	if path := checkpoint.Path(t.dir, steps); checkpoint.Verify(path) == nil {
		return path, checkpoint.Prune(t.dir, t.cfg.Output.KeepLast) // which a fault may have cut short
	}
	if err := t.log.Sync(); err != nil {
		return "", err
	}
	path, err := checkpoint.Write(t.dir, steps, func(dir string) error { return t.writeState(dir, steps) })
	if err != nil {
		return "", err
	}
	return path, checkpoint.Prune(t.dir, t.cfg.Output.KeepLast)
}

func (t *trainer) writeState(dir string, steps int) error {
	if err := t.adapter.Save(dir); err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	for _, x := range t.optimizer.Tensors() {
		tensors = append(tensors, safetensors.F32Tensor(x.Name, []int{x.Value.Rows, x.Value.Cols}, x.Value.Data))
	}
	err := fsutil.WriteTo(filepath.Join(dir, optimizerFile), func(w io.Writer) error {
		return safetensors.Write(w, tensors, nil)
	})
	if err != nil {
		return err
	}
	resolved, err := t.cfg.YAML()
	if err != nil {
		return err
	}
	if err := fsutil.WriteFile(filepath.Join(dir, configFile), resolved); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, stateFile), state{steps, t.optimizer.State(), t.cfg.TrajectoryHash(),
		t.modelHash, t.train.Hash, t.tokens, t.elapsed, t.last.Loss, t.monitor.Memory()})
}

// start prepares the run's folder, restores a checkpoint where one is asked
// for, opens the logs and returns the number of steps already done.
func (t *trainer) start() (int, error) {
	release, err := fsutil.Claim(t.dir)
	if err != nil {
		return 0, usagef("output.dir: %w", err)
	}
	t.release = release
	from, err := t.resumeFrom()
	if err != nil {
		return 0, err
	}
	done := 0
	if from == "" {
		if err := t.clearFolder(); err != nil {
			return 0, err
		}
	} else {
		if done, err = t.restore(from); err != nil {
			return 0, err
		}
		for _, f := range []string{metrics.MetricsFile, metrics.StabilityFile} {
			path := filepath.Join(t.dir, f)
			steps, err := metrics.CutBack(path, done)
			if err != nil {
				return 0, err
			}
			if steps < done {
				t.opt.Reporter.Warn(fmt.Sprintf("%s has rows of %d of the %d steps done; a report shows no others", path, steps, done))
			}
		}
		if err := checkpoint.CutBack(t.dir, done); err != nil {
			return 0, err
		}
		t.opt.Reporter.Message(fmt.Sprintf("resuming from %s, %d of %d steps done", from, done, t.total))
	}
	resolved, err := t.cfg.YAML()
	if err != nil {
		return 0, err
	}
	if err := fsutil.WriteFile(filepath.Join(t.dir, configFile), resolved); err != nil {
		return 0, err
	}
	t.log, err = metrics.Open(t.dir)
	return done, err
}

// resumeFrom returns the checkpoint to go on from, "" to start afresh.
func (t *trainer) resumeFrom() (string, error) {
	switch t.opt.Resume {
	case "":
		return "", nil
	case "auto":
		path, _, damaged, err := latest(t.dir)
		for _, d := range damaged {
			t.opt.Reporter.Warn(fmt.Sprintf("passed over a damaged checkpoint: %v", d))
		}
		spoilt := func(err error) bool { return !errors.Is(err, checkpoint.ErrNoManifest) }
		if err == nil && path == "" && slices.ContainsFunc(damaged, spoilt) {
			err = fsutil.Inputf(t.dir, "has no whole checkpoint to go on from; put one back, or start anew with --overwrite")
		}
		return path, err
	}
	if err := checkpoint.Verify(t.opt.Resume); err != nil {
		return "", err
	}
	if !sameFolder(filepath.Dir(t.opt.Resume), t.dir) {
		if err := CheckFolder(t.dir, "", false); err != nil {
			return "", usagef("--resume %s goes on in another folder: %w", t.opt.Resume, err)
		}
	}
	return t.opt.Resume, nil
}

// latest is the newest complete checkpoint of a run's folder, "" if none.
func latest(dir string) (path string, step int, damaged []error, err error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return "", 0, nil, nil
	}
	return checkpoint.Latest(dir)
}

// restore loads a checkpoint that Verify has accepted.
func (t *trainer) restore(dir string) (int, error) {
	statePath := filepath.Join(dir, stateFile)
	var s state
	raw, err := fsutil.ReadFile(statePath, fsutil.MaxFile)
	if err != nil {
		return 0, fsutil.Input(dir, err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return 0, fsutil.Input(statePath, err)
	}
	if err := t.mustMatch(dir, s); err != nil {
		return 0, err
	}
	if s.Step < 1 || s.Step > t.total {
		return 0, usagef("%s is at step %d, the run has %d", dir, s.Step, t.total)
	}
	saved, err := peft.Load(dir, peft.Modules(t.model), peft.AllowZeroB)
	if err != nil {
		return 0, err
	}
	if err := t.adapter.CopyFrom(saved); err != nil {
		return 0, fsutil.Input(dir, err)
	}
	if err := t.restoreOptimizer(filepath.Join(dir, optimizerFile), s.Optimizer); err != nil {
		return 0, err
	}
	if err := t.monitor.Restore(s.Stability); err != nil {
		return 0, fsutil.Input(statePath, err)
	}
	t.tokens, t.elapsed, t.last = s.Tokens, s.Elapsed, metrics.StepRow{Step: s.Step, Loss: s.LastLoss}
	return s.Step, nil
}

// mustMatch refuses a checkpoint of another run: going on would mix the two.
func (t *trainer) mustMatch(dir string, s state) error {
	if s.Config != t.cfg.TrajectoryHash() {
		changed := "settings changed"
		if old, err := config.Load(filepath.Join(dir, configFile), nil); err == nil {
			changed = strings.Join(config.Diff(old, t.cfg), ", ")
		}
		return usagef("%s belongs to another configuration: %s; restore the settings, or start anew with --overwrite", dir, changed)
	}
	if s.Model != t.modelHash {
		return fsutil.Inputf(dir, "was trained on another model than that in %s: its weights or config.json have changed; restore them, or start anew with --overwrite", t.cfg.Model.Path)
	}
	if s.Data != t.train.Hash {
		return fsutil.Inputf(dir, "was trained on other data: the records or their tokens have changed; restore them, or start anew with --overwrite")
	}
	return nil
}

func (t *trainer) restoreOptimizer(path string, s optim.State) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, x := range t.optimizer.Tensors() {
		saved, ok := f.Tensor(x.Name)
		if !ok || saved.Elements() != x.Value.Rows*x.Value.Cols {
			return fsutil.Inputf(path, "has no %s of %d x %d; the checkpoint is damaged", x.Name, x.Value.Rows, x.Value.Cols)
		}
		if i := saved.FirstNonFinite(); i >= 0 {
			return fsutil.Inputf(path, "%s holds a NaN or infinity at element %d; the checkpoint is damaged", x.Name, i)
		}
		values, err := saved.Float32s()
		if err != nil {
			return err
		}
		copy(x.Value.Data, values)
	}
	if err := t.optimizer.Restore(s); err != nil {
		return fsutil.Input(path, err)
	}
	return nil
}

func sameFolder(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func writeJSON(path string, v any) error {
	return fsutil.WriteTo(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}
