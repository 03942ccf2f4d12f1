package runfolder

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/stablelora/stablelora/internal/checkpoint"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/metrics"
)

// Files of a run beside those that metrics names.
const (
	summaryFile = "stablelora.json"
	configFile  = "config.resolved.yaml"
	resultsFile = "results.json"
	weightsFile = "adapter_model.safetensors"
)

// Run is what a run's folder says.
type Run struct {
	Dir         string
	Settings    []Setting
	Summary     *Summary // nil: not finished
	Checkpoint  string   // name of the newest, "" if none
	Steps       Steps
	Evaluations []Evaluation
	Modules     []*Module
	Tasks       []Task
}

// Summary is stablelora.json, which a run writes last.
type Summary struct {
	Version   string
	Optimizer string
	Seed      uint64
	Steps     int
	Tokens    int
	FinalLoss float64                     `json:"final_loss"`
	Elapsed   float64                     `json:"elapsed_seconds"`
	Stability struct{ Warnings []string } // told on the way
}

// Finished says whether training and its last evaluation are done.
func (r *Run) Finished() bool { return r.Summary != nil }

// Setting returns the value of a key, "" where it is not set.
func (r *Run) Setting(key string) string {
	for _, s := range r.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// Total is the number of steps the run is to take, 0 where that is not known.
func (r *Run) Total() int {
	if r.Finished() {
		return r.Summary.Steps
	}
	if n, _ := strconv.Atoi(r.Setting("train.max_steps")); n > 0 {
		return n
	}
	epochs, _ := strconv.Atoi(r.Setting("train.epochs"))
	if n := len(r.Steps.Step); n > 0 && r.Steps.Epoch[n-1] > 0 {
		return int(min(maxStep, math.Round(float64(epochs)*r.Steps.Step[n-1]/r.Steps.Epoch[n-1])))
	}
	return 0
}

// Status says how far the run is, in a few words.
func (r *Run) Status() string {
	if r.Finished() {
		return "finished"
	}
	done, total := r.Steps.Last(), r.Total()
	state := fmt.Sprintf("not finished, %d steps done", done)
	switch {
	case total > 0 && done >= total:
		state = "trained, its last evaluation not done"
	case total > 0:
		state = fmt.Sprintf("not finished, %d of %d steps done", done, total)
	}
	if r.Checkpoint != "" {
		return state + ": still going, stopped or diverged (" + r.Checkpoint + " is there)"
	}
	return state + ": still going, stopped or diverged"
}

// Holds tells whether a folder is that of a run, begun or finished.
func Holds(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, metrics.MetricsFile))
	return err == nil
}

// Read reads the folder of one run.
func Read(dir string) (*Run, error) {
	if err := isFolder(dir); err != nil {
		return nil, err
	}
	r := &Run{Dir: dir}
	in := func(name string) string { return filepath.Join(dir, name) }
	if _, err := os.Stat(in(metrics.MetricsFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, fsutil.Inputf(dir, "holds no run: there is no %s in it; give the output.dir of a training run, or a sweep's folder", metrics.MetricsFile)
	}
	var s Summary
	finished, err := readJSON(in(summaryFile), &s)
	if err != nil {
		return nil, err
	}
	if finished {
		r.Summary = &s
	}
	if r.Checkpoint, err = checkpoint.Newest(dir); err != nil {
		return nil, fsutil.Input(dir, err)
	}
	if r.Settings, err = readSettings(in(configFile)); err != nil {
		return nil, err
	}
	if err := r.readMetrics(in(metrics.MetricsFile)); err != nil {
		return nil, err
	}
	if err := r.readStability(in(metrics.StabilityFile)); err != nil {
		return nil, err
	}
	if err := r.readWidths(r.weightsPath()); err != nil {
		return nil, err
	}
	return r, r.readResults(in(resultsFile))
}

func isFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fsutil.Inputf(dir, "there is no such folder")
	case err != nil:
		return fsutil.Input(dir, err)
	case !info.IsDir():
		return fsutil.Inputf(dir, "is not a folder; give the folder of a run")
	}
	return nil
}
