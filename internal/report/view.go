package report

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/stablelora/stablelora/internal/chart"
	"github.com/stablelora/stablelora/internal/runfolder"
)

// view is a set of runs with what tells them apart.
type view struct {
	runs []*run
	keys []string // whose values differ between the runs
}

// run is a run with its names: of itself, of its cell (runs that differ in the
// seed alone) and of its method (cells that differ in the learning rate alone).
type run struct {
	*runfolder.Run
	label, cell, method string
	color               int
	group               string // what its colour stands for
}

const (
	keyMethod = "optimizer.name"
	keyRate   = "train.learning_rate"
	keySeed   = "train.seed"
)

func newView(read []*runfolder.Run) *view {
	v := &view{}
	for _, r := range read {
		v.runs = append(v.runs, &run{Run: r})
	}
	v.findKeys()
	keys := v.namingKeys()
	for _, r := range v.runs {
		r.label = r.values(keys)
		r.cell = r.values(without(keys, keySeed))
		r.method = r.values(without(keys, keySeed, keyRate))
		if r.method == "" {
			r.method = r.Setting(keyMethod)
		}
		if r.cell == "" {
			r.cell = r.method
		}
	}
	if len(keys) > 3 || !v.unique() {
		v.labelByFolder()
	}
	v.assignColors()
	return v
}

// single says whether the view is of one run, which is then shown in detail.
func (v *view) single() bool { return len(v.runs) == 1 }

// findKeys collects the settings that differ, in their files' order. Where a
// run writes and what it logs does not matter.
func (v *view) findKeys() {
	values := map[string]map[string]bool{}
	counts := map[string]int{}
	var order []string
	for _, r := range v.runs {
		for _, s := range r.Settings {
			if values[s.Key] == nil {
				values[s.Key] = map[string]bool{}
				order = append(order, s.Key)
			}
			values[s.Key][s.Value] = true
			counts[s.Key]++
		}
	}
	for _, key := range order {
		differs := len(values[key]) > 1 || counts[key] != len(v.runs)
		if differs && !strings.HasPrefix(key, "output.") && !strings.HasPrefix(key, "log.") {
			v.keys = append(v.keys, key)
		}
	}
}

// namingKeys are the keys that differ without those settings of the optimizer
// that the method's name tells: a default that only one method has.
func (v *view) namingKeys() []string {
	return slices.DeleteFunc(slices.Clone(v.keys), func(key string) bool {
		if key == keyMethod || !strings.HasPrefix(key, "optimizer.") {
			return false
		}
		of := map[string]string{}
		for _, r := range v.runs {
			method, value := r.Setting(keyMethod), r.Setting(key)
			if was, ok := of[method]; ok && was != value {
				return false
			}
			of[method] = value
		}
		return len(of) > 1
	})
}

func without(keys []string, drop ...string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return slices.Contains(drop, k) })
}

// values names a run by its values of keys: "adamw, lr 0.001, seed 2".
func (r *run) values(keys []string) string {
	var parts []string
	for _, key := range keys {
		value := shortValue(r.Setting(key))
		switch key {
		case keyMethod:
			parts = slices.Insert(parts, 0, value)
		case keyRate:
			parts = append(parts, "lr "+value)
		default:
			parts = append(parts, key[strings.LastIndexByte(key, '.')+1:]+" "+value)
		}
	}
	return strings.Join(parts, ", ")
}

// shortValue writes a number as people do and leaves other values as they are.
func shortValue(s string) string {
	if f, err := strconv.ParseFloat(s, 64); err == nil && strings.ContainsAny(s, ".eE") {
		return chart.Number(f, 6)
	}
	return s
}

func (v *view) unique() bool {
	seen := map[string]bool{}
	for _, r := range v.runs {
		if r.label == "" || seen[r.label] {
			return false
		}
		seen[r.label] = true
	}
	return true
}

// labelByFolder names runs by their folders, in full where that is needed.
func (v *view) labelByFolder() {
	for _, r := range v.runs {
		r.label = filepath.Base(r.Dir)
	}
	if v.unique() {
		return
	}
	for _, r := range v.runs {
		r.label = filepath.ToSlash(r.Dir)
	}
}

// assignColors gives each run a colour of its own or, where there are too many,
// each method or cell.
func (v *view) assignColors() {
	methods := map[string]bool{}
	for _, r := range v.runs {
		methods[r.method] = true
	}
	colors := map[string]int{}
	for _, r := range v.runs {
		switch {
		case len(v.runs) <= chart.Colors:
			r.group = r.label
		case len(methods) > 1:
			r.group = r.method
		default:
			r.group = r.cell
		}
		if _, ok := colors[r.group]; !ok {
			colors[r.group] = len(colors)
		}
		r.color = colors[r.group]
	}
}

// rate is the run's peak learning rate.
func (r *run) rate() (float64, bool) {
	f, err := strconv.ParseFloat(r.Setting(keyRate), 64)
	return f, err == nil && f > 0
}

// heldOut is the held-out loss by step.
func (r *run) heldOut() (step, loss []float64) {
	for _, e := range r.Evaluations {
		if e.Loss != nil {
			step, loss = append(step, e.Step), append(loss, *e.Loss)
		}
	}
	return step, loss
}
