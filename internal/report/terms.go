package report

import (
	"fmt"
	"math"

	"github.com/stablelora/stablelora/internal/chart"
	"github.com/stablelora/stablelora/internal/runfolder"
)

func deltaSteps(m *runfolder.Module) []float64 { return m.DeltaStep }

var terms = [3]string{"δ1 = s·ΔB·A·Z", "δ2 = s·B·ΔA·Z", "δ3 = s·ΔB·ΔA·Z"}

// termSection shows the three terms of the change of a module's output; in
// stable training they are of one size (arXiv 2603.05204, theorem 3.1).
func (v *view) termSection() Section {
	s := Section{ID: "terms", Title: "What changes the output",
		Note: "A step changes a module's output by δ1 + δ2 + δ3. Training is stable where they are of one size; δ1 far above δ2 means that the random A decides. Sizes are root mean squares over outputs and tokens of the batch."}
	if v.single() {
		if f, ok := v.ownTerms(); ok {
			s.Figures = append(s.Figures, f)
		}
	} else {
		for i, name := range terms {
			series := v.spreads(deltaSteps, func(m *runfolder.Module, j int) float64 { return m.Delta[i][j] })
			if len(series) > 0 {
				p := chart.Plot{YLabel: name, Series: series, LogY: true}
				s.Figures = append(s.Figures, v.lines(name[:len("δ1")]+" in the middle module of each run", "", p))
			}
		}
	}
	series := v.spreads(deltaSteps, termRatio)
	if len(series) > 0 {
		p := chart.Plot{YLabel: "δ1 / δ2", Series: series, LogY: true, Marks: []chart.Mark{{Value: 1, Label: "of one size"}}}
		s.Figures = append(s.Figures, v.lines(v.normSentence("δ1/δ2", series, deltaSteps, termRatio), "", p))
	}
	return s
}

// termRatio is δ1/δ2, NaN where either is 0.
func termRatio(m *runfolder.Module, j int) float64 {
	if m.Delta[1][j] > 0 && m.Delta[0][j] > 0 {
		return m.Delta[0][j] / m.Delta[1][j]
	}
	return math.NaN()
}

// ownTerms shows a run's three terms together.
func (v *view) ownTerms() (Figure, bool) {
	var series []chart.Series
	for i, name := range terms {
		s := spreadOf(v.runs[0].Modules, deltaSteps, func(m *runfolder.Module, j int) float64 { return m.Delta[i][j] })
		if len(s.step) > 0 {
			series = append(series, chart.Series{Name: name, Color: i, X: s.step, Y: s.median, Low: s.low, High: s.high})
		}
	}
	if len(series) == 0 {
		return Figure{}, false
	}
	last := func(i int) string { return chart.Number(series[i].Y[len(series[i].Y)-1], 3) }
	title := fmt.Sprintf("At the end δ1 is %s, δ2 %s and δ3 %s in the middle module", last(0), last(1), last(2))
	return v.lines(title, "", chart.Plot{YLabel: "size of the term", Series: series, LogY: true}), true
}
