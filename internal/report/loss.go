package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/stablelora/stablelora/internal/chart"
)

func (v *view) lossSection() Section {
	s := Section{ID: "loss", Title: "Loss and steps"}
	if f, ok := v.trainingLoss(); ok {
		s.Figures = append(s.Figures, f)
	}
	if f, ok := v.heldOutLoss(); ok {
		s.Figures = append(s.Figures, f)
	}
	if f, ok := v.learningRate(); ok {
		s.Figures = append(s.Figures, f)
	}
	if f, ok := v.gradientNorm(); ok {
		s.Figures = append(s.Figures, f)
	}
	return s
}

// finalLoss is the smoothed training loss at the run's end.
func (r *run) finalLoss() float64 {
	if len(r.Steps.Loss) == 0 {
		return math.NaN()
	}
	all := smooth(r.Steps.Loss, smoothingSpan(len(r.Steps.Loss)))
	return all[len(all)-1]
}

// finalHeldOut is the last held-out loss.
func (r *run) finalHeldOut() float64 {
	if _, loss := r.heldOut(); len(loss) > 0 {
		return loss[len(loss)-1]
	}
	return math.NaN()
}

const denseSteps = 200 // more are not seen as a line

const rawRuns = 4 // that are shown with the unsmoothed loss

func (v *view) trainingLoss() (Figure, bool) {
	var series []chart.Series
	span := 1
	for _, r := range v.runs {
		st := r.Steps
		if len(st.Loss) == 0 {
			continue
		}
		n := smoothingSpan(len(st.Loss))
		span = max(span, n)
		if len(v.runs) <= rawRuns && n > 1 {
			series = append(series, chart.Series{Name: r.label + ", each step", Color: r.color, Look: chart.Faint, X: st.Step, Y: st.Loss})
		}
		series = append(series, chart.Series{Name: r.label, Color: r.color, X: st.Step, Y: smooth(st.Loss, n)})
	}
	if len(series) == 0 {
		return Figure{}, false
	}
	title := v.bestSentence("Training loss ended", (*run).finalLoss)
	if v.single() {
		last := &series[len(series)-1]
		last.Name = "training loss, smoothed"
		title = fmt.Sprintf("The training loss %s in %d steps", change(last.Y), v.runs[0].Steps.Last())
		if x, y := v.runs[0].heldOut(); len(x) > 0 {
			series = append(series, chart.Series{Name: "held-out loss", Color: 1, Look: chart.Markers, X: x, Y: y})
		}
	}
	note := "Mean over the supervised tokens of a step."
	if span > 1 {
		note = fmt.Sprintf("Smoothed over about %d steps", span)
		if len(v.runs) <= rawRuns {
			note += "; pale: each step"
		}
		note += "."
	}
	return v.lines(title, note, chart.Plot{YLabel: "loss (nats per token)", Series: series, LogY: logarithmic(series)}), true
}

func (v *view) heldOutLoss() (Figure, bool) {
	if v.single() {
		return Figure{}, false // in the picture of the training loss
	}
	series := v.perRun(func(r *run) chart.Series {
		x, y := r.heldOut()
		return chart.Series{Look: chart.Markers, X: x, Y: y}
	})
	if len(v.runs) > chart.Colors {
		for i := range series {
			series[i].Look = chart.Solid
		}
	}
	return v.lines(v.bestSentence("Held-out loss ended", (*run).finalHeldOut), "On the files of data.eval.",
		chart.Plot{YLabel: "loss (nats per token)", Series: series, LogY: logarithmic(series)}), len(series) > 0
}

func (v *view) learningRate() (Figure, bool) {
	series := v.perRun(func(r *run) chart.Series {
		return chart.Series{X: r.Steps.Step, Y: r.Steps.LearningRate}
	})
	title := "The learning rate of each step"
	if v.single() && len(series) > 0 {
		y := series[0].Y
		if at := slices.Index(y, slices.Max(y)); slices.Min(y) == slices.Max(y) {
			title = "The learning rate " + change(y)
		} else {
			title = fmt.Sprintf("The learning rate was at its highest, %s, in step %s", chart.Number(y[at], 3), chart.Number(series[0].X[at], 6))
		}
	}
	return v.lines(title, v.settingNote("train.lr_scheduler", "Schedule: %s."),
		chart.Plot{YLabel: "learning rate", Series: series, LogY: logarithmic(series)}), len(series) > 0
}

func (v *view) gradientNorm() (Figure, bool) {
	var peak float64
	series := v.perRun(func(r *run) chart.Series {
		for _, g := range r.Steps.GradNorm {
			peak = max(peak, g)
		}
		return chart.Series{X: r.Steps.Step, Y: r.Steps.GradNorm}
	})
	all := series
	if len(series) == 0 {
		return Figure{}, false
	}
	title := fmt.Sprintf("The gradient norm was %s at most", chart.Number(peak, 3))
	if v.single() {
		sorted := slices.Sorted(slices.Values(series[0].Y))
		title = fmt.Sprintf("The gradient norm was %s in a typical step, %s at most", chart.Number(sorted[len(sorted)/2], 3), chart.Number(peak, 3))
	}
	note := "Over all A and B together."
	if n := len(series[0].Y); n > denseSteps && len(series) <= rawRuns {
		for _, s := range series {
			pale := s
			pale.Look = chart.Faint
			s.Y = smooth(s.Y, smoothingSpan(n))
			all = append(all, pale, s)
		}
		all = all[len(series):]
		note += fmt.Sprintf(" Smoothed over about %d steps; pale: each step.", smoothingSpan(n))
	}
	p := chart.Plot{YLabel: "gradient norm before clipping", Series: all, LogY: logarithmic(all)}
	if clip, err := strconv.ParseFloat(v.runs[0].Setting("train.max_grad_norm"), 64); err == nil && clip > 0 && v.common("train.max_grad_norm") {
		p.Marks = []chart.Mark{{Value: clip, Label: "clipped above " + chart.Number(clip, 3)}}
	}
	return v.lines(title, note, p), true
}

// perRun makes a series of each run that has the data.
func (v *view) perRun(get func(*run) chart.Series) []chart.Series {
	var all []chart.Series
	for _, r := range v.runs {
		s := get(r)
		s.Name, s.Color = r.label, r.color
		if len(s.X) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// common says whether no run differs in a key.
func (v *view) common(key string) bool { return !slices.Contains(v.keys, key) }

// settingNote is a sentence about a setting that all runs share.
func (v *view) settingNote(key, format string) string {
	if value := v.runs[0].Setting(key); value != "" && v.common(key) {
		return fmt.Sprintf(format, value)
	}
	return ""
}

// bestSentence names the run with the lowest value.
func (v *view) bestSentence(what string, value func(*run) float64) string {
	best, label := math.NaN(), ""
	for _, r := range v.runs {
		if x := value(r); !math.IsNaN(x) && !(x >= best) {
			best, label = x, r.label
		}
	}
	return fmt.Sprintf("%s lowest with %s (%s)", what, label, chart.Number(best, 3))
}

// change says from where to where a series went.
func change(y []float64) string {
	first, last := y[0], y[len(y)-1]
	verb := "fell"
	switch {
	case chart.Number(first, 3) == chart.Number(last, 3):
		return "stayed at " + chart.Number(last, 3)
	case last > first:
		verb = "rose"
	}
	return fmt.Sprintf("%s from %s to %s", verb, chart.Number(first, 3), chart.Number(last, 3))
}
