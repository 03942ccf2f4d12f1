package runfolder

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Task is one task of results.json.
type Task struct {
	Name    string
	N       int // documents
	Metrics []Metric
}

// Metric is a figure of a task, acc,none for example, by model; what was not
// measured is nil.
type Metric struct {
	Key           string
	Base, Adapted *float64
	Difference    *Difference
}

// Difference is adapted minus base on the same documents.
type Difference struct {
	Value  float64
	Stderr *float64
	PValue *float64 // two-sided, exact McNemar test
}

func (r *Run) readResults(path string) error {
	type models struct {
		N             int
		Base, Adapted map[string]json.RawMessage
		Difference    map[string]struct {
			Value  json.RawMessage
			Stderr json.RawMessage
			PValue json.RawMessage `json:"p_value"`
		}
	}
	var doc struct{ Tasks map[string]models }
	if _, err := readJSON(path, &doc); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Tasks)) {
		t, task := doc.Tasks[name], Task{Name: name, N: doc.Tasks[name].N}
		keys := map[string]bool{}
		for _, m := range []map[string]json.RawMessage{t.Base, t.Adapted} {
			for k := range m {
				if !strings.Contains(k, "_stderr,") && !strings.HasPrefix(k, "invalid,") {
					keys[k] = true
				}
			}
		}
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			m := Metric{Key: k, Base: number(t.Base[k]), Adapted: number(t.Adapted[k])}
			if d, ok := t.Difference[k]; ok && number(d.Value) != nil {
				m.Difference = &Difference{*number(d.Value), number(d.Stderr), number(d.PValue)}
			}
			if m.Base != nil || m.Adapted != nil {
				task.Metrics = append(task.Metrics, m)
			}
		}
		r.Tasks = append(r.Tasks, task)
	}
	return nil
}

// number is a JSON number, nil for anything else ("N/A").
func number(raw json.RawMessage) *float64 {
	var v *float64
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	return v
}
