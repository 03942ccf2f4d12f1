package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// Names of the files of a run.
const (
	MetricsFile   = "metrics.jsonl"
	StabilityFile = "stability.jsonl"
)

// Log appends rows to a run's two files, one JSON object per line. Each call
// reaches the operating system before it returns, so that a killed process
// loses no step and tears at most the last line.
type Log struct {
	metrics, stability *fsutil.File
	buf                bytes.Buffer
}

// Open opens the files in a run's folder for appending, creating what is not
// there.
func Open(dir string) (*Log, error) {
	const flag = os.O_CREATE | os.O_APPEND | os.O_WRONLY
	m, err := fsutil.Open(filepath.Join(dir, MetricsFile), flag)
	if err != nil {
		return nil, err
	}
	s, err := fsutil.Open(filepath.Join(dir, StabilityFile), flag)
	if err != nil {
		m.Close()
		return nil, err
	}
	return &Log{metrics: m, stability: s}, nil
}

// Step records one step and, per adapted module, its stability. JSON knows
// neither NaN nor infinity: a row with one is an error, and nothing of it is
// written.
func (l *Log) Step(row StepRow, stability []StabilityRow) error {
	// Stability first: metrics.jsonl then never knows a step that it lacks.
	if err := appendRows(l, l.stability, stability); err != nil {
		return err
	}
	return appendRows(l, l.metrics, []StepRow{row})
}

// Eval records an evaluation.
func (l *Log) Eval(row EvalRow) error { return appendRows(l, l.metrics, []EvalRow{row}) }

// Sync makes everything recorded durable; to be called before a checkpoint or a
// summary that promises it.
func (l *Log) Sync() error { return errors.Join(l.metrics.Sync(), l.stability.Sync()) }

// Close closes the files.
func (l *Log) Close() error { return errors.Join(l.metrics.Close(), l.stability.Close()) }

// appendRows writes all rows at once or, if one cannot be written as JSON, none.
func appendRows[T any](l *Log, f *fsutil.File, rows []T) error {
	l.buf.Reset()
	e := json.NewEncoder(&l.buf) // floats in the shortest form that reads back the same
	e.SetEscapeHTML(false)
	for _, r := range rows {
		if err := e.Encode(r); err != nil {
			return fmt.Errorf("%s: cannot record %+v: %w", f.Name(), r, err)
		}
	}
	_, err := f.Write(l.buf.Bytes())
	return err
}
