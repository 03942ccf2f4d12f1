package report

import (
	"html/template"
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/chart"
)

// Figure is a picture with its sentence, a key of its colours and its numbers.
type Figure struct {
	Title, Note string
	SVG         template.HTML
	Keys        []Key
	Table       *Table
}

// Key tells what a colour stands for.
type Key struct {
	Color  int // the class c0 to c7
	Dashed bool
	Name   string
}

// Table is a table of texts. Numbers says that all columns but the first hold
// numbers.
type Table struct {
	Head []string
	Rows [][]string
}

// Section is a part of the page.
type Section struct {
	ID, Title, Note string
	Figures         []Figure
	Folded          bool
}

// lines makes a figure of series over steps.
func (v *view) lines(title, note string, p chart.Plot) Figure {
	p.Description = title
	if p.XLabel == "" {
		p.XLabel = "optimizer step"
	}
	return Figure{Title: title, Note: note, SVG: template.HTML(p.SVG()), Keys: v.legend(p.Series), Table: numbers(p.Series)}
}

// legend names the colours of several runs, or of the series of one.
func (v *view) legend(series []chart.Series) []Key {
	var keys []Key
	add := func(color int, name string) {
		k := Key{color % chart.Colors, color/chart.Colors%2 == 1, name}
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	if v.single() {
		for _, s := range series {
			if s.Look != chart.Faint {
				add(s.Color, s.Name)
			}
		}
		return keys
	}
	for _, r := range v.runs {
		if slices.ContainsFunc(series, func(s chart.Series) bool { return s.Color == r.color }) {
			add(r.color, r.group)
		}
	}
	return keys
}

// numbers tabulates series at up to nine steps, each at its last point up to
// there.
func numbers(series []chart.Series) *Table {
	series = slices.DeleteFunc(slices.Clone(series), func(s chart.Series) bool { return s.Look == chart.Faint || len(s.X) == 0 })
	if len(series) == 0 {
		return nil
	}
	longest := series[0].X
	for _, s := range series {
		if len(s.X) > len(longest) {
			longest = s.X
		}
	}
	t := &Table{Head: []string{"step"}}
	columns := min(9, len(longest))
	var steps []float64
	for c := range columns {
		steps = append(steps, longest[c*(len(longest)-1)/max(1, columns-1)])
		t.Head = append(t.Head, chart.Number(steps[c], 6))
	}
	for _, s := range series {
		row := []string{s.Name}
		for _, step := range steps {
			at, exact := slices.BinarySearch(s.X, step)
			value := math.NaN()
			if exact {
				value = s.Y[at]
			} else if at > 0 {
				value = s.Y[at-1]
			}
			row = append(row, chart.Number(value, 4))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// logarithmic says whether values spread so far that a linear axis would hide
// the small ones.
func logarithmic(series []chart.Series) bool {
	low, high := math.Inf(1), 0.0
	for _, s := range series {
		for _, y := range s.Y {
			if y <= 0 {
				return false
			}
			if !math.IsNaN(y) {
				low, high = min(low, y), max(high, y)
			}
		}
	}
	return high > 50*low
}
