package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/chart"
	"github.com/stablelora/stablelora/internal/runfolder"
)

// question is a metric of a task that runs were scored by.
type question struct{ task, metric string }

func (q question) String() string { return q.task + " " + q.metric }

// questions are those of all runs, in their order.
func (v *view) questions() []question {
	var all []question
	for _, r := range v.runs {
		for _, t := range r.Tasks {
			for _, m := range t.Metrics {
				if q := (question{t.Name, m.Key}); !slices.Contains(all, q) {
					all = append(all, q)
				}
			}
		}
	}
	return all
}

// answer is a run's figure for a question, and of how many documents.
func (r *run) answer(q question) (m runfolder.Metric, n int, ok bool) {
	for _, t := range r.Tasks {
		for _, m := range t.Metrics {
			if t.Name == q.task && m.Key == q.metric {
				return m, t.N, true
			}
		}
	}
	return m, 0, false
}

// adapted is the share a run's adapted model answers right, NaN if unknown.
func (r *run) adapted(q question) float64 {
	if m, _, ok := r.answer(q); ok && m.Adapted != nil {
		return *m.Adapted
	}
	return math.NaN()
}

const accuracyRows = 40 // of one picture

func (v *view) accuracySection() Section {
	s := Section{ID: "accuracy", Title: "Accuracy",
		Note: "Bars are 95 % intervals (Wilson) for the documents asked; p is of the exact McNemar test of adapted against base on the same documents."}
	for _, q := range v.questions() {
		if f, ok := v.accuracy(q); ok {
			s.Figures = append(s.Figures, f)
		}
	}
	return s
}

func (v *view) accuracy(q question) (Figure, bool) {
	c := chart.Intervals{XLabel: "answered right (%)"}
	t := &Table{Head: []string{"model", "documents", "share right", "95 % from", "to", "gain", "± (95 %)", "p"}}
	var bases []string
	add := func(name string, value *float64, n, color int, d *runfolder.Difference, hollow bool) {
		if value == nil {
			return
		}
		w := wilson(*value, n)
		row := chart.Row{Name: name, Value: 100 * w.value, Low: 100 * w.low, High: 100 * w.high, Color: color, Hollow: hollow}
		cells := []string{name, fmt.Sprint(n), percent(w.value), percent(w.low), percent(w.high), "", "", ""}
		if d != nil {
			row.Note = fmt.Sprintf("%+.1f", 100*d.Value)
			cells[5] = fmt.Sprintf("%+.1f %%", 100*d.Value)
			if d.Stderr != nil {
				cells[6] = percent(1.96 * *d.Stderr)
			}
			if d.PValue != nil {
				row.Note += ", " + pValue(*d.PValue)
				cells[7] = chart.Number(*d.PValue, 2)
			}
		}
		c.Rows, t.Rows = append(c.Rows, row), append(t.Rows, cells)
	}
	for _, r := range v.runs {
		m, n, ok := r.answer(q)
		if !ok {
			continue
		}
		if m.Base != nil {
			// Runs on one model and one file share their base.
			if id := fmt.Sprint(*m.Base, n); !slices.Contains(bases, id) {
				bases = append(bases, id)
				add("base model", m.Base, n, 6, nil, true)
			}
		}
		name := r.label
		if v.single() {
			name = "adapted"
		}
		add(name, m.Adapted, n, r.color, m.Difference, false)
	}
	if len(c.Rows) == 0 {
		return Figure{}, false
	}
	f := Figure{Title: v.accuracySentence(q), Table: t}
	if len(c.Rows) <= accuracyRows {
		c.Description = f.Title
		f.SVG = template.HTML(c.SVG())
	}
	return f, true
}

// accuracySentence says what a run gained, or which run did best.
func (v *view) accuracySentence(q question) string {
	if v.single() {
		m, n, _ := v.runs[0].answer(q)
		switch {
		case m.Base != nil && m.Adapted != nil:
			return fmt.Sprintf("%s went from %s to %s of %d documents", q, percent(*m.Base), percent(*m.Adapted), n)
		case m.Adapted != nil:
			return fmt.Sprintf("%s is %s of %d documents", q, percent(*m.Adapted), n)
		}
		return q.String()
	}
	best, label := -1.0, ""
	for _, r := range v.runs {
		if x := r.adapted(q); x > best {
			best, label = x, r.label
		}
	}
	if label == "" {
		return q.String()
	}
	return fmt.Sprintf("%s is highest with %s (%s)", q, label, percent(best))
}

func percent(share float64) string {
	if math.IsNaN(share) {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

func pValue(p float64) string {
	if p < 0.001 {
		return "p < 0.001"
	}
	return fmt.Sprintf("p = %.3f", p)
}
