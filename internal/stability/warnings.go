package stability

import (
	"fmt"
	"math"
	"strings"

	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/optim"
)

// Warnings returns what is to be said after a step, whose row and whose
// stability rows it gets; each warning comes once in a run.
func (m *Monitor) Warnings(row metrics.StepRow) []string {
	var all []string
	for _, w := range []string{m.overtaken(row.Step), m.endless(row.Step), m.diverging(row)} {
		if w != "" {
			all = append(all, w)
		}
	}
	m.memory.Warnings = append(m.memory.Warnings, all...)
	return all
}

// shrinks tells whether the run shrinks and is to stop shrinking.
func (m *Monitor) shrinks() bool {
	return m.stable() != nil && m.run.Hyper.ShrinkRatio > 0 && m.run.Hyper.StopCondition
}

// idle is what shrinking has to leave of A in most modules to have done
// nothing.
const idle = 0.99

// overtaken warns in the step in which most modules have stopped, if A has lost
// less than a hundredth by then.
func (m *Monitor) overtaken(step int) string {
	if !m.shrinks() {
		return ""
	}
	stopped, earlier, stable := 0, 0, m.stable()
	var kept []float64
	for i := range m.run.Pairs {
		if s := stable.Status(i); s.StoppedAt > 0 {
			stopped++
			kept = append(kept, s.Factor)
			if s.StoppedAt < step {
				earlier++
			}
		}
	}
	half := len(m.run.Pairs) / 2
	if stopped <= half || earlier > half || median(kept) < idle {
		return ""
	}
	what := fmt.Sprintf("shrinking has stopped in %d of %d modules by step %d and has taken %.2g %% of A: ",
		stopped, len(m.run.Pairs), step, 100*(1-median(kept)))
	if step == 1 {
		return what + "B of lora.init_from outweighs A from the start, and the run is AdamW's; start from a new adapter to shrink A, or choose optimizer.name: adamw"
	}
	return what + fmt.Sprintf("B has outgrown A already, and the run is AdamW's from here; lower train.learning_rate, or raise optimizer.shrink_ratio (%.1g would have taken a tenth by then)",
		roundUp(1-math.Pow(0.9, 1/float64(step-1))))
}

// leastSteps is how many steps a forecast needs.
const leastSteps = 20

// endless warns once, after a tenth of the run, if the norms' courses do not
// meet the stop condition before the end in most modules.
func (m *Monitor) endless(step int) string {
	total := m.run.Total
	when := max(leastSteps, (total+9)/10, m.run.Schedule.WarmupSteps()+leastSteps/2)
	if !m.shrinks() || step != when || 2*when > total {
		return ""
	}
	lambda, s := m.run.Hyper.ShrinkRatio, m.run.Schedule
	var cs courses
	for i, p := range m.run.Pairs {
		if m.stable().Status(i).StoppedAt > 0 {
			cs.stopped++
			continue
		}
		r := m.rows[i]
		cs.open = append(cs.open, fit(p, m.memory.NormA[i], m.memory.NormB[i], r.NormA, r.NormB, step-1, s, lambda))
	}
	left := cs.end(lambda, 1, s, total)
	if !(left > farFromStop) || math.IsInf(left, 0) { // infinite: B has not left 0
		return ""
	}
	text := fmt.Sprintf("at this pace shrinking will not stop within the run: after %d steps ‖A‖/n will still be some %.0f times ‖B‖/m in the median module", total, left)
	rate := s.Base()
	if flat, err := optim.NewSchedule("constant", rate, total, s.WarmupSteps(), 0, 0); err == nil {
		if at := cs.stop(lambda, flat, 20*total); at > 0 {
			text += fmt.Sprintf(", which would stop near step %d at a constant learning rate", at)
		}
	}
	return text + "; " + cs.remedy(lambda, rate, s, total)
}

// farFromStop is the forecast ratio above which endless warns: clearly above 1,
// for what forecasts are off by.
const farFromStop = 2.5

// remedy names a λ and a learning rate with which the median module stops in
// the first three quarters of the run.
func (cs courses) remedy(lambda, rate float64, s optim.Schedule, total int) string {
	var all []string
	for l := roundUp(1.01 * lambda); l <= 0.1; l = roundUp(1.01 * l) {
		if cs.end(l, 1, s, total*3/4) < 1 {
			all = append(all, fmt.Sprintf("optimizer.shrink_ratio %.1g", l))
			break
		}
	}
	for _, speed := range []float64{2, 5, 10, 20, 50, 100, 200} {
		if cs.end(lambda, speed, s, total*3/4) < 1 {
			all = append(all, fmt.Sprintf("train.learning_rate %.3g", rate*speed))
			break
		}
	}
	if len(all) == 0 {
		return "train for more steps"
	}
	return strings.Join(all, " or ") + " would stop it"
}

// diverging warns once of a loss that runs away. Records that are not shuffled
// may become harder on their own.
func (m *Monitor) diverging(row metrics.StepRow) string {
	l := &m.memory.Loss
	now, diverges := l.add(row.Loss, opening(m.run.BatchSize))
	if !diverges || l.Told || !m.run.Shuffled {
		return ""
	}
	l.Told = true
	return fmt.Sprintf("the loss runs away: %.3g in the last %d steps up to %d, after %.3g at its best; "+
		"try train.learning_rate below %.3g, a longer warm-up, or train.max_grad_norm 1",
		now, stretch, row.Step, l.Best.Mean, m.run.Schedule.Base()/2)
}

// roundUp returns the next of 1, 2, 5, 10, 20, … times a power of ten.
func roundUp(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, digit := range []float64{1, 2, 5} {
		if digit*power >= x {
			return digit * power
		}
	}
	return 10 * power
}
