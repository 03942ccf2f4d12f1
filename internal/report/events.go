package report

import (
	"io"
	"maps"
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/runfolder"
	"github.com/stablelora/stablelora/internal/tfevents"
)

// WriteEvents writes a run's scalars as TensorBoard reads them, unthinned. A
// scalar's time is the seconds spent in steps so far, so that TensorBoard's
// relative axis is right and the same run gives the same bytes.
func WriteEvents(w io.Writer, r *runfolder.Run) error {
	e := tfevents.New(w)
	s := r.Steps
	time := func(step float64) float64 {
		at, found := slices.BinarySearch(s.Step, step)
		if !found {
			at-- // an evaluation before any step, or a row torn off
		}
		if at < 0 {
			return 0
		}
		return s.Elapsed[at]
	}
	add := func(tag string, step, value float64) {
		if !math.IsNaN(value) {
			e.Scalar(tag, int64(step), time(step), value)
		}
	}
	for i, step := range s.Step {
		add("train/loss", step, s.Loss[i])
		add("train/learning_rate", step, s.LearningRate[i])
		add("train/grad_norm", step, s.GradNorm[i])
	}
	for _, ev := range r.Evaluations {
		if ev.Loss != nil {
			add("eval/loss", ev.Step, *ev.Loss)
		}
		for _, task := range slices.Sorted(maps.Keys(ev.Tasks)) {
			for _, metric := range slices.Sorted(maps.Keys(ev.Tasks[task])) {
				add("eval/"+task+"/"+metric, ev.Step, ev.Tasks[task][metric])
			}
		}
	}
	for _, m := range r.Modules {
		for i, step := range m.Step {
			add("norm_a/"+m.Name, step, m.NormA[i])
			add("norm_b/"+m.Name, step, m.NormB[i])
			add("stop_ratio/"+m.Name, step, stopRatio(m, i))
			add("shrinking/"+m.Name, step, shrinking(m, i)/100)
		}
		for i, step := range m.DeltaStep {
			add("delta1/"+m.Name, step, m.Delta[0][i])
			add("delta2/"+m.Name, step, m.Delta[1][i])
			add("delta3/"+m.Name, step, m.Delta[2][i])
		}
	}
	return e.Flush()
}
