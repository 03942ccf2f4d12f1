package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/stablelora/stablelora/internal/chart"
	"github.com/stablelora/stablelora/internal/runfolder"
)

// Values of a module at one of its steps.
func normA(m *runfolder.Module, i int) float64 { return m.NormA[i] }
func normB(m *runfolder.Module, i int) float64 { return m.NormB[i] }

// stopRatio is (‖A‖/n)/(‖B‖/m), which must fall below 1 for shrinking to stop;
// NaN while B is 0 and where the widths are not known.
func stopRatio(m *runfolder.Module, i int) float64 {
	if m.In == 0 || m.Out == 0 || !(m.NormB[i] > 0) {
		return math.NaN()
	}
	return (m.NormA[i] / float64(m.In)) / (m.NormB[i] / float64(m.Out))
}

// shrinking is 100 where A was shrunk, so that a mean is a percentage.
func shrinking(m *runfolder.Module, i int) float64 {
	if m.Shrinking[i] {
		return 100
	}
	return 0
}

func allSteps(m *runfolder.Module) []float64 { return m.Step }

func (v *view) normSection() Section {
	s := Section{ID: "norms", Title: "Norms and shrinking",
		Note: "Frobenius norms of the factors A [r, n] and B [m, r] before each update. Lines are the module in the middle, bands go from the smallest module to the largest."}
	add := func(what, unit string, logY bool, value func(*runfolder.Module, int) float64, marks ...chart.Mark) {
		series := v.spreads(allSteps, value)
		if len(series) == 0 {
			return
		}
		p := chart.Plot{YLabel: unit, Series: series, Marks: marks, LogY: logY}
		s.Figures = append(s.Figures, v.lines(v.normSentence(what, series, allSteps, value), "", p))
	}
	add("‖A‖", "‖A‖", false, normA)
	add("‖B‖", "‖B‖", false, normB)
	if v.spreads(allSteps, stopRatio) == nil {
		s.Note += " The stop condition's ratio is missing: no adapter or checkpoint tells n and m yet."
	}
	if len(v.runs) > heatRuns {
		s.Note += fmt.Sprintf(" Single layers are shown of up to %d runs at a time.", heatRuns)
	}
	add("The stop condition's ratio", "(‖A‖/n) / (‖B‖/m)", true, stopRatio, chart.Mark{Value: 1, Label: "shrinking stops below 1"})
	if f, ok := v.shrinkFigure(); ok {
		s.Figures = append(s.Figures, f)
	}
	return s
}

// spreads has a line and a band for each run or, for a single one, for each
// kind of module.
func (v *view) spreads(steps func(*runfolder.Module) []float64, value func(*runfolder.Module, int) float64) []chart.Series {
	if v.single() {
		var all []chart.Series
		for i, k := range kinds(v.runs[0].Modules) {
			s := spreadOf(k.modules, steps, value)
			if len(s.step) > 0 {
				all = append(all, chart.Series{Name: k.name, Color: i, X: s.step, Y: s.median, Low: s.low, High: s.high})
			}
		}
		return all
	}
	return v.perRun(func(r *run) chart.Series {
		s := spreadOf(r.Modules, steps, value)
		out := chart.Series{X: s.step, Y: s.median}
		if len(v.runs) <= rawRuns {
			out.Low, out.High = s.low, s.high
		}
		return out
	})
}

// normSentence says where the middle modules went.
func (v *view) normSentence(what string, series []chart.Series, steps func(*runfolder.Module) []float64, value func(*runfolder.Module, int) float64) string {
	if !v.single() {
		return what + " in the middle module of each run"
	}
	if len(series) != 2 { // more is not read
		return fmt.Sprintf("%s %s in the middle module", what, change(spreadOf(v.runs[0].Modules, steps, value).median))
	}
	return fmt.Sprintf("%s %s in %s, %s in %s", what, change(series[0].Y), series[0].Name, change(series[1].Y), series[1].Name)
}

// shrinkFigure shows the share of modules whose A is still shrunk.
func (v *view) shrinkFigure() (Figure, bool) {
	series := v.perRun(func(r *run) chart.Series {
		if !r.shrinks() {
			return chart.Series{}
		}
		step, share := means(r.Modules, shrinking)
		return chart.Series{X: step, Y: share}
	})
	if len(series) == 0 {
		return Figure{}, false
	}
	title := "Share of the modules whose A is still shrunk"
	if v.single() {
		title = v.runs[0].shrinkSentence()
	}
	f := v.lines(title, "λ multiplies A by 1−λ in each step until a module's ratio is below 1, for good.",
		chart.Plot{YLabel: "modules still shrunk (%)", Series: series})
	f.Table = v.stopTable()
	return f, true
}

func (r *run) shrinks() bool {
	for _, m := range r.Modules {
		if m.Shrank() {
			return true
		}
	}
	return false
}

// stops counts the modules in which shrinking stopped, and when.
func (r *run) stops() (stopped, first, last int) {
	for _, m := range r.Modules {
		if at := m.StoppedAt(); at > 0 {
			if stopped == 0 || at < first {
				first = at
			}
			last = max(last, at)
			stopped++
		}
	}
	return stopped, first, last
}

func (r *run) shrinkSentence() string {
	stopped, first, last := r.stops()
	when := fmt.Sprintf("between steps %d and %d", first, last)
	if first == last {
		when = fmt.Sprintf("in step %d", first)
	}
	switch n := len(r.Modules); stopped {
	case 0:
		return fmt.Sprintf("Shrinking goes on in all %d modules", n)
	case n:
		return fmt.Sprintf("Shrinking stopped %s in all %d modules", when, n)
	default:
		return fmt.Sprintf("Shrinking stopped %s in %d of %d modules", when, stopped, n)
	}
}

// stopTable names the step at which each module stopped, or of several runs
// the first and the last.
func (v *view) stopTable() *Table {
	if v.single() {
		t := &Table{Head: []string{"module", "shrinking stopped in step", "left of A by it alone", "‖A‖ at the end", "‖B‖ at the end"}}
		lambda, _ := strconv.ParseFloat(v.runs[0].Setting("optimizer.shrink_ratio"), 64)
		for _, m := range v.runs[0].Modules {
			last := len(m.Step) - 1
			at, shrinks := "goes on", m.Step[last]
			if step := m.StoppedAt(); step > 0 {
				at, shrinks = fmt.Sprint(step), float64(step-1)
			}
			kept := chart.Number(math.Pow(1-lambda, shrinks), 4)
			t.Rows = append(t.Rows, []string{m.Name, at, kept, chart.Number(m.NormA[last], 4), chart.Number(m.NormB[last], 4)})
		}
		return t
	}
	t := &Table{Head: []string{"run", "modules stopped", "first in step", "last in step"}}
	for _, r := range v.runs {
		if r.shrinks() {
			stopped, first, last := r.stops()
			row := []string{r.label, fmt.Sprintf("%d of %d", stopped, len(r.Modules)), "–", "–"}
			if stopped > 0 {
				row[2], row[3] = fmt.Sprint(first), fmt.Sprint(last)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}
