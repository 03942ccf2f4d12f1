package runfolder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/safetensors"
)

// Module is the rows of stability.jsonl of one adapted module, by column.
type Module struct {
	Name         string
	In, Out      int // n and m of A [r, n] and B [m, r]; 0 where no adapter tells
	Step         []float64
	NormA, NormB []float64 // Frobenius norms before shrink and update
	Shrinking    []bool    // whether A was shrunk in this step
	DeltaStep    []float64 // steps with the update's three terms,
	Delta        [3][]float64
}

// Shrank says whether A was ever shrunk.
func (m *Module) Shrank() bool {
	for _, s := range m.Shrinking {
		if s {
			return true
		}
	}
	return false
}

// StoppedAt is the first step in which A, shrunk before, was not; 0 if none.
func (m *Module) StoppedAt() int {
	for i := 1; i < len(m.Shrinking); i++ {
		if m.Shrinking[i-1] && !m.Shrinking[i] {
			return int(m.Step[i])
		}
	}
	return 0
}

func (r *Run) readStability(path string) error {
	index := map[string]*Module{}
	err := eachRow(path, !r.Finished(), func(raw []byte) error {
		var row struct {
			Step      *int64
			Module    string
			NormA     *float64 `json:"norm_a"`
			NormB     *float64 `json:"norm_b"`
			Shrinking bool
			Delta1    *float64
			Delta2    *float64
			Delta3    *float64
		}
		if err := json.Unmarshal(raw, &row); err != nil {
			return fmt.Errorf("not a row of norms: %w", err)
		}
		if err := checkStep(row.Step); err != nil {
			return err
		}
		if row.Module == "" || row.NormA == nil || row.NormB == nil {
			return errors.New("the row lacks module, norm_a or norm_b")
		}
		m := index[row.Module]
		if m == nil {
			m = &Module{Name: row.Module}
			index[row.Module] = m
			r.Modules = append(r.Modules, m)
		}
		step := float64(*row.Step)
		if n := len(m.Step); n > 0 && step <= m.Step[n-1] {
			return fmt.Errorf("step %g of %s follows step %g", step, m.Name, m.Step[n-1])
		}
		m.Step, m.Shrinking = append(m.Step, step), append(m.Shrinking, row.Shrinking)
		m.NormA, m.NormB = append(m.NormA, *row.NormA), append(m.NormB, *row.NormB)
		if row.Delta1 != nil && row.Delta2 != nil && row.Delta3 != nil {
			m.DeltaStep = append(m.DeltaStep, step)
			for i, d := range []*float64{row.Delta1, row.Delta2, row.Delta3} {
				m.Delta[i] = append(m.Delta[i], *d)
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// readWidths takes n and m of each module from the shapes of an adapter's
// factors.
func (r *Run) readWidths(path string) error {
	f, err := safetensors.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	index := map[string]*Module{}
	for _, m := range r.Modules {
		index[m.Name] = m
	}
	for _, t := range f.Tensors() {
		name, factor, found := strings.Cut(strings.TrimPrefix(t.Name, "base_model.model."), ".lora_")
		m := index[name]
		if !found || m == nil {
			continue
		}
		if len(t.Shape) != 2 || t.Shape[0] < 1 || t.Shape[1] < 1 {
			return fsutil.Inputf(path, "%s is no matrix", t.Name)
		}
		switch factor {
		case "A.weight":
			m.In = t.Shape[1]
		case "B.weight":
			m.Out = t.Shape[0]
		}
	}
	return nil
}

// weightsPath is where a run's adapter is: in its folder, or in a checkpoint.
func (r *Run) weightsPath() string {
	if r.Finished() || r.Checkpoint == "" {
		return filepath.Join(r.Dir, weightsFile)
	}
	return filepath.Join(r.Dir, r.Checkpoint, weightsFile)
}
