package stability

import "math"

// losses watches for a loss that runs away while it is still finite. It
// compares the last 16 steps with the best 16 before them or, at the beginning,
// with the opening step or steps, and takes the run for diverging where
//
//   - the mean has risen by more than 3 standard deviations of single steps, in
//     the stretch where they scatter more,
//   - by more than a quarter,
//   - and so far that half of what was learnt since the start is lost.
//
// The spread of single steps makes it deaf to batches of one example, where
// easy and hard records alternate: in stretches drawn at random from such runs
// of the demo it was wrong twice in two million steps.
type losses struct {
	Last  []float64 `json:"last,omitempty"` // of at most 2·stretch steps
	Start float64   `json:"start"`          // mean of the first stretch, or of the opening if that is more
	Best  level     `json:"best"`
	Steps int       `json:"steps"`
	Told  bool      `json:"told"`
}

// level is a mean and the variance around it.
type level struct {
	Mean     float64 `json:"mean"`
	Variance float64 `json:"variance"`
}

const stretch = 16

// opening is how many steps stand for the start until there is a stretch: the
// first alone, still the base model's, where it has enough examples to be told
// from luck.
func opening(batchSize int) int {
	if batchSize >= 8 {
		return 1
	}
	return 4
}

// add takes the loss of the next step and says whether the run diverges, and
// where the loss is now.
func (l *losses) add(loss float64, opening int) (now float64, diverging bool) {
	l.Last = append(l.Last, loss)
	if n := len(l.Last); n > 2*stretch {
		l.Last = append([]float64(nil), l.Last[n-2*stretch:]...)
	}
	l.Steps++
	if l.Steps == opening {
		l.Best = levelOf(l.Last)
		l.Start = l.Best.Mean
	}
	if l.Steps == stretch {
		l.Start = max(l.Start, levelOf(l.Last).Mean)
	}
	if l.Steps < opening+stretch {
		return 0, false
	}
	n := len(l.Last)
	if n == 2*stretch {
		if before := levelOf(l.Last[:stretch]); l.Steps == n || before.Mean < l.Best.Mean {
			l.Best = before
		}
	}
	at := levelOf(l.Last[n-stretch:])
	rise := at.Mean - l.Best.Mean
	return at.Mean, rise > 3*math.Sqrt(max(at.Variance, l.Best.Variance)) && rise > l.Best.Mean/4 && at.Mean > (l.Start+l.Best.Mean)/2
}

func levelOf(x []float64) level {
	var l level
	for _, v := range x {
		l.Mean += v / float64(len(x))
	}
	for _, v := range x {
		l.Variance += (v - l.Mean) * (v - l.Mean) / float64(len(x))
	}
	return l
}
