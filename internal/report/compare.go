package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/chart"
)

// cell is runs that differ in the seed alone.
type cell struct {
	name string
	runs []*run
}

// cells groups runs: methods in the runs' order, each by learning rate.
func (v *view) cells() []cell {
	var all []cell
	for _, r := range v.runs {
		i := slices.IndexFunc(all, func(c cell) bool { return c.name == r.cell })
		if i < 0 {
			i = len(all)
			all = append(all, cell{name: r.cell})
		}
		all[i].runs = append(all[i].runs, r)
	}
	var methods []string
	for _, r := range v.runs {
		if !slices.Contains(methods, r.method) {
			methods = append(methods, r.method)
		}
	}
	slices.SortStableFunc(all, func(a, b cell) int {
		x, _ := a.runs[0].rate()
		y, _ := b.runs[0].rate()
		return cmp.Or(cmp.Compare(slices.Index(methods, a.runs[0].method), slices.Index(methods, b.runs[0].method)), cmp.Compare(x, y))
	})
	return all
}

// values are the cell's finite ones.
func (c cell) values(value func(*run) float64) []float64 {
	var all []float64
	for _, r := range c.runs {
		if x := value(r); !math.IsNaN(x) && !math.IsInf(x, 0) {
			all = append(all, x)
		}
	}
	return all
}

// rateSection shows outcomes against the learning rate, where runs differ in it.
func (v *view) rateSection() Section {
	s := Section{ID: "rates", Title: "Against the learning rate",
		Note: "Points are means over seeds, bars go from the worst seed to the best."}
	add := func(title, unit string, scale float64, value func(*run) float64) {
		series, rates := v.byRate(func(r *run) float64 { return scale * value(r) })
		if len(rates) < 2 {
			return
		}
		f := v.lines(title, "", chart.Plot{XLabel: "learning rate", YLabel: unit, LogX: true, XTicks: rates, Series: series})
		f.Keys = nil
		for _, x := range series {
			f.Keys = append(f.Keys, Key{x.Color % chart.Colors, x.Color/chart.Colors%2 == 1, x.Name})
		}
		f.Table.Head[0] = "learning rate"
		s.Figures = append(s.Figures, f)
	}
	for _, q := range v.questions() {
		add(q.String()+" by learning rate", "answered right (%)", 100, func(r *run) float64 { return r.adapted(q) })
	}
	add("Held-out loss by learning rate", "held-out loss at the end", 1, (*run).finalHeldOut)
	add("Training loss by learning rate", "training loss at the end, smoothed", 1, (*run).finalLoss)
	return s
}

// byRate has a series for each method over the learning rates, and those.
func (v *view) byRate(value func(*run) float64) (all []chart.Series, rates []float64) {
	byMethod := map[string]int{}
	for _, r := range v.runs {
		if _, ok := byMethod[r.method]; !ok {
			byMethod[r.method] = len(all)
			all = append(all, chart.Series{Name: r.method, Color: len(all), Look: chart.Markers})
		}
	}
	for _, c := range v.cells() {
		rate, ok := c.runs[0].rate()
		values := c.values(value)
		if !ok || len(values) == 0 {
			continue
		}
		if !slices.Contains(rates, rate) {
			rates = append(rates, rate)
		}
		s := &all[byMethod[c.runs[0].method]]
		s.X, s.Y = append(s.X, rate), append(s.Y, overSeeds(values).value)
		s.Low, s.High = append(s.Low, slices.Min(values)), append(s.High, slices.Max(values))
	}
	slices.Sort(rates)
	return slices.DeleteFunc(all, func(s chart.Series) bool { return len(s.X) == 0 }), rates
}

// comparison is the table of all cells, with intervals.
func (v *view) comparison() *Table {
	if v.single() {
		return nil
	}
	t := &Table{Head: []string{"configuration", "seeds", "training loss", "held-out loss"}}
	qs := v.questions()
	for _, q := range qs {
		t.Head = append(t.Head, q.String())
	}
	for _, c := range v.cells() {
		row := []string{c.name, fmt.Sprint(len(c.runs)), meanText(c.values((*run).finalLoss)), meanText(c.values((*run).finalHeldOut))}
		for _, q := range qs {
			row = append(row, c.accuracyText(q))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// meanText is the mean of losses and, of several seeds, its interval.
func meanText(values []float64) string {
	if len(values) == 0 {
		return "–"
	}
	m := seedInterval(values)
	if len(values) == 1 {
		return chart.Number(m.value, 4)
	}
	return fmt.Sprintf("%s (%s to %s)", chart.Number(m.value, 4), chart.Number(max(0, m.low), 4), chart.Number(m.high, 4))
}

// accuracyText is the mean over seeds with its interval or, of one seed, with
// that of its documents.
func (c cell) accuracyText(q question) string {
	values := c.values(func(r *run) float64 { return r.adapted(q) })
	if len(values) == 0 {
		return "–"
	}
	m := seedInterval(values)
	if len(values) == 1 {
		_, n, _ := c.runs[slices.IndexFunc(c.runs, func(r *run) bool { return !math.IsNaN(r.adapted(q)) })].answer(q)
		m = wilson(values[0], n)
	}
	return fmt.Sprintf("%s (%s to %s)", percent(m.value), percent(max(0, m.low)), percent(min(1, m.high)))
}

// seedInterval is the mean over seeds with Student's interval or, of two seeds,
// of which that says nothing, the two themselves.
func seedInterval(values []float64) interval {
	m := overSeeds(values)
	if len(values) == 2 {
		m.low, m.high = slices.Min(values), slices.Max(values)
	}
	return m
}
