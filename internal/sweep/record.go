package sweep

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/train"
)

// StateFile keeps the plan of a sweep, what became of each run and, when it is
// done, the whole Report.
const StateFile = "sweep.json"

// What became of a run.
const (
	Pending       = "pending"
	Finished      = "finished"
	Diverged      = "diverged"
	LearntNothing = "learnt nothing"
)

// Record is what is known of a run.
type Record struct {
	Folder    string            `json:"folder"` // below the sweep's
	Cell      int               `json:"cell"`
	Values    map[string]string `json:"values"` // by key of the grid
	Seed      uint64            `json:"seed"`
	Status    string            `json:"status"`
	Steps     int               `json:"steps"`
	FinalLoss *float64          `json:"final_loss"` // null before the first step
	HeldOut   *float64          `json:"held_out_loss"`
	Seconds   float64           `json:"seconds"`           // spent in steps
	Message   string            `json:"message,omitempty"` // why it failed
	Settings  string            `json:"settings_hash"`

	measures []measure // of a finished run
}

// newRecord is the record of a run that is not begun.
func newRecord(g Grid, p planned) Record {
	r := Record{Folder: p.folder, Cell: p.cell, Values: map[string]string{}, Seed: p.cfg.Train.Seed,
		Status: Pending, Settings: identity(p.cfg)}
	for i, a := range g.Axes {
		r.Values[a.Key] = p.values[i]
	}
	return r
}

// finish fills in what a finished run gave.
func (r *Record) finish(dir string, result *train.Result, evaluated bool) error {
	loss := result.FinalLoss
	r.Status, r.Steps, r.FinalLoss, r.Seconds = Finished, result.Steps, &loss, result.Elapsed
	if !evaluated {
		return nil
	}
	items, err := metrics.ReadItems(dir)
	if err != nil {
		return err
	}
	if r.measures, err = measuresOf(items); err != nil {
		return fsutil.Input(filepath.Join(dir, metrics.ItemsFile), err)
	}
	r.HeldOut = heldOutLoss(r.measures)
	return nil
}

// reopen reads the items of a run that was finished, and tells whether it could.
func (r *Record) reopen(dir string) bool {
	items, err := metrics.ReadItems(dir)
	if err == nil {
		r.measures, err = measuresOf(items)
	}
	return err == nil || r.HeldOut == nil
}

// failed tells whether a run has ended with nothing to compare: it would again.
func (r *Record) failed() bool { return r.Status == Diverged || r.Status == LearntNothing }

// fail fills in how a run failed, and how far it came.
func (r *Record) fail(status, dir string, why error) error {
	r.Status, r.Message = status, why.Error()
	last, err := lastStep(filepath.Join(dir, metrics.MetricsFile))
	if err != nil || last == nil {
		return err
	}
	r.Steps, r.FinalLoss, r.Seconds = last.Step, &last.Loss, last.ElapsedSeconds
	return nil
}

// lastStep is the last step that a run has recorded; nil: none.
func lastStep(path string) (*metrics.StepRow, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var last *metrics.StepRow
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return last, nil
		}
		if err != nil {
			return nil, err
		}
		var row metrics.StepRow
		if !bytes.Contains(line, []byte(`"loss":`)) {
			continue // an evaluation
		}
		if err := json.Unmarshal(line, &row); err != nil {
			return nil, fsutil.Input(path, err)
		}
		last = &row
	}
}

// Verdict is a *FailedError where no run was finished.
func (r *Report) Verdict() error {
	if r.Finished > 0 {
		return nil
	}
	e := &FailedError{Runs: len(r.Runs)}
	for _, run := range r.Runs {
		if run.Status == Diverged {
			e.Diverged++
		}
	}
	return e
}

// readState reads sweep.json; nil: there is none.
func readState(dir string) (*Report, error) {
	path := filepath.Join(dir, StateFile)
	raw, err := fsutil.ReadFile(path, fsutil.MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, fsutil.Input(path, err)
	}
	return r, nil
}

// save writes sweep.json and sweep.csv, each whole or not at all.
func (r *Report) save(dir string) error {
	r.Finished, r.Failed = 0, 0
	for _, run := range r.Runs {
		if run.Status == Finished {
			r.Finished++
		} else if run.failed() {
			r.Failed++
		}
	}
	err := fsutil.WriteTo(filepath.Join(dir, StateFile), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	})
	if err != nil {
		return err
	}
	return fsutil.WriteTo(filepath.Join(dir, CSVFile), r.writeCSV)
}
