package report

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/stablelora/stablelora/internal/chart"
)

// Fact is something that is said of one run, or of all.
type Fact struct{ Name, Value string }

// Overview is a line of the table of runs.
type Overview struct {
	Key    Key
	Cells  []string
	Status string // "" where finished
}

// overview has a line for each run: what differs, and how it ended.
func (v *view) overview() (head []string, rows []Overview) {
	head = []string{"folder"}
	keys := v.keys
	if len(keys) > 6 {
		keys = keys[:6] // the rest is in the settings
	}
	head = append(head, keys...)
	head = append(head, "steps", "tokens", "seconds", "training loss", "held-out loss", "status")
	for _, r := range v.runs {
		o := Overview{Key: Key{r.color % chart.Colors, r.color/chart.Colors%2 == 1, r.label}, Cells: []string{filepath.ToSlash(r.Dir)}}
		for _, k := range keys {
			o.Cells = append(o.Cells, shortValue(r.Setting(k)))
		}
		o.Cells = append(o.Cells, fmt.Sprint(r.Steps.Last()), fmt.Sprint(r.Steps.Tokens), chart.Number(r.seconds(), 4),
			chart.Number(r.finalLoss(), 4), chart.Number(r.finalHeldOut(), 4), r.Status())
		if !r.Finished() {
			o.Status = r.Status()
		}
		rows = append(rows, o)
	}
	return head, rows
}

func (r *run) seconds() float64 {
	if n := len(r.Steps.Elapsed); n > 0 {
		return r.Steps.Elapsed[n-1]
	}
	return math.NaN()
}

// facts are the settings that most readers ask for, where all runs share them.
func (v *view) facts() []Fact {
	var all []Fact
	add := func(name string, keys ...string) {
		var values []string
		for _, k := range keys {
			if value := v.runs[0].Setting(k); value != "" && v.common(k) {
				values = append(values, shortValue(value))
			}
		}
		if len(values) > 0 {
			all = append(all, Fact{name, strings.Join(values, ", ")})
		}
	}
	add("method", keyMethod)
	if v.runs[0].Setting(keyMethod) == "stable_lora" {
		add("shrink ratio λ", "optimizer.shrink_ratio")
	}
	add("model", "model.path")
	add("LoRA r, alpha", "lora.r", "lora.alpha")
	add("adapted modules", "lora.target_modules")
	add("learning rate", keyRate)
	add("schedule", "train.lr_scheduler")
	add("batch size", "train.batch_size")
	add("weight decay", "optimizer.weight_decay")
	add("seed", keySeed)
	add("training data", v.indexed("data.train.%d.path")...)
	add("held-out data", v.indexed("data.eval.%d.path")...)
	if v.single() {
		r := v.runs[0]
		all = append(all, Fact{"steps, tokens", fmt.Sprintf("%d, %d", r.Steps.Last(), r.Steps.Tokens)})
		all = append(all, Fact{"time in steps", chart.Number(r.seconds(), 4) + " s"}, Fact{"status", r.Status()})
	}
	return all
}

// indexed are the keys of a list, the first few.
func (v *view) indexed(format string) []string {
	var keys []string
	for i := range 5 {
		keys = append(keys, fmt.Sprintf(format, i))
	}
	return keys
}

// settings is every setting that all runs share.
func (v *view) settings() *Table {
	t := &Table{Head: []string{"key", "value"}}
	for _, s := range v.runs[0].Settings {
		if v.common(s.Key) {
			t.Rows = append(t.Rows, []string{s.Key, s.Value})
		}
	}
	return t
}
