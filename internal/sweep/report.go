package sweep

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Report is a sweep with what its runs say together.
type Report struct {
	OutputDir   string       `json:"output_dir"`
	Version     string       `json:"version"`
	Keys        []string     `json:"keys"`     // of the grid
	Finished    int          `json:"finished"` // runs
	Failed      int          `json:"failed"`
	Runs        []Record     `json:"runs"`
	Cells       []Cell       `json:"cells,omitempty"`
	Choice      *Choice      `json:"choice,omitempty"` // nil where nothing was held out
	Comparisons []Comparison `json:"comparisons,omitempty"`
	Notes       []string     `json:"notes,omitempty"`
}

// Cell is the runs of one combination of the grid, over its seeds.
type Cell struct {
	Values    map[string]string `json:"values"`
	Seeds     []uint64          `json:"seeds"` // of the finished runs
	Failed    int               `json:"failed"`
	FinalLoss *Spread           `json:"final_loss"` // null where no run was finished
	Measures  []Spread          `json:"measures"`

	runs []*Record // the finished ones
}

// Spread is a figure over the seeds of a cell.
type Spread struct {
	Measure  string   `json:"measure"`
	Base     *float64 `json:"base,omitempty"` // the base model's
	N        int      `json:"n"`
	Mean     float64  `json:"mean"`
	SD       *float64 `json:"sd"` // sample standard deviation (n-1); null for one seed
	Best     float64  `json:"best"`
	BestSeed uint64   `json:"best_seed"`
}

// spreadOf takes a figure of every run of a cell.
func (c *Cell) spreadOf(name string, lower bool, value func(*Record) (float64, bool)) *Spread {
	s := &Spread{Measure: name}
	var values []float64
	for _, r := range c.runs {
		v, ok := value(r)
		if !ok {
			continue
		}
		if values == nil || lower && v < s.Best || !lower && v > s.Best {
			s.Best, s.BestSeed = v, r.Seed
		}
		values = append(values, v)
	}
	if values == nil {
		return nil
	}
	s.N, s.Mean = len(values), ratio(values, nil)
	if s.N > 1 {
		var sum float64
		for _, v := range values {
			sum += float64((v - s.Mean) * (v - s.Mean))
		}
		sd := math.Sqrt(sum / float64(s.N-1))
		s.SD = &sd
	}
	return s
}

// measured is a cell's spread of a measure; nil: it has none.
func (c *Cell) measured(m measure) *Spread {
	s := c.spreadOf(m.name, m.loss, func(r *Record) (float64, bool) {
		own, ok := r.measure(m.name)
		return own.value(), ok
	})
	if s == nil {
		return nil
	}
	for _, r := range c.runs {
		if own, ok := r.measure(m.name); ok && own.base != nil {
			base := ratio(own.base, nil)
			s.Base = &base
		}
	}
	return s
}

// compare fills in everything that the runs say together.
func (r *Report) compare() {
	r.Cells, r.Choice, r.Comparisons, r.Notes = nil, nil, nil, nil
	measures := r.measures()
	for i := range r.Runs {
		run := &r.Runs[i]
		if run.Cell == len(r.Cells) {
			r.Cells = append(r.Cells, Cell{Values: run.Values, Seeds: []uint64{}, Measures: []Spread{}})
		}
		c := &r.Cells[run.Cell]
		if run.failed() {
			c.Failed++
		} else {
			c.runs = append(c.runs, run)
			c.Seeds = append(c.Seeds, run.Seed)
		}
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		c.FinalLoss = c.spreadOf("final loss", true, func(r *Record) (float64, bool) { return *r.FinalLoss, true })
		for _, m := range measures {
			if s := c.measured(m); s != nil {
				c.Measures = append(c.Measures, *s)
			}
		}
	}
	if len(measures) == 0 {
		r.note("nothing was held out: there is no fair choice among the cells and nothing to test; name data.eval files or eval.tasks")
		return
	}
	r.choose(measures)
	r.test(measures)
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// label names a cell by the values of some keys: "adamw, learning_rate=1e-3".
func label(values map[string]string, keys []string) string {
	var parts []string
	for _, k := range keys {
		short := k[strings.LastIndexByte(k, '.')+1:]
		if short == "name" {
			parts = slices.Insert(parts, 0, values[k])
		} else {
			parts = append(parts, short+"="+values[k])
		}
	}
	if parts == nil {
		return "the configuration"
	}
	return strings.Join(parts, ", ")
}
