package metrics

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// ItemsFile holds, of a finished run, what the last evaluation found for each
// record and document, so that runs can be compared pair by pair.
const ItemsFile = "items.json"

// Items is items.json.
type Items struct {
	HeldOut []HeldOutItems `json:"held_out,omitempty"`
	Tasks   []TaskItems    `json:"tasks,omitempty"`
}

// HeldOutItems are the records of one held-out file, in its order.
type HeldOutItems struct {
	Path   string    `json:"path"`
	Losses []float64 `json:"losses"` // nats, summed over the record's supervised tokens
	Tokens []int     `json:"tokens"` // supervised
}

// TaskItems are the documents of one evaluation task.
type TaskItems struct {
	Task      string        `json:"task"`
	Path      string        `json:"path"`
	Documents string        `json:"documents"` // SHA-256 of what was asked
	Metrics   []MetricItems `json:"metrics"`
}

// MetricItems is a metric's value for each document.
type MetricItems struct {
	Key     string    `json:"key"` // acc,none
	Adapted []float64 `json:"adapted"`
	Base    []float64 `json:"base,omitempty"` // where the base model was scored
}

// Figures returns the adapted model's means by task and metric.
func (it *Items) Figures() map[string]map[string]float64 {
	figures := map[string]map[string]float64{}
	for _, t := range it.Tasks {
		figures[t.Task] = map[string]float64{}
		for _, m := range t.Metrics {
			var sum float64
			for _, v := range m.Adapted {
				sum += v
			}
			figures[t.Task][m.Key] = sum / float64(len(m.Adapted))
		}
	}
	return figures
}

// Write writes the file into a run's folder.
func (it *Items) Write(dir string) error {
	return fsutil.WriteTo(filepath.Join(dir, ItemsFile), func(w io.Writer) error { return json.NewEncoder(w).Encode(it) })
}

// ReadItems reads the file from a run's folder. Its values may have any length.
func ReadItems(dir string) (*Items, error) {
	path := filepath.Join(dir, ItemsFile)
	raw, err := fsutil.ReadFile(path, fsutil.MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fsutil.Inputf(path, "is missing; train the run again, with data.eval or eval.tasks")
	}
	if err != nil {
		return nil, err
	}
	it := &Items{}
	if err := json.Unmarshal(raw, it); err != nil {
		return nil, fsutil.Input(path, err)
	}
	return it, nil
}
