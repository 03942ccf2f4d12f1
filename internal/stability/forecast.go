package stability

import (
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/optim"
)

// course is how the squared norms a = ‖A‖² and b = ‖B‖² of one module go on if
// they go on as they have: by steps that are independent of each other and as
// long as the learning rate η allows, so that squares add up in proportion to
// it, while shrinking takes its share of A,
//
//	a ← (1-λ)²·a + g·η   b ← b + h·η
//
// In runs of the demo, forecasts at a tenth of the steps of the one at which the
// middle module stops were 0.9 to 1.3 times what came. B's first steps go one
// way and add up faster: where a run gets no further than that, its ratio in
// the end was down to a third of the forecast.
type course struct {
	a, b  float64 // before the first step
	g, h  float64
	ratio float64 // m/n: shrinking stops where √a·ratio < √b
}

// fit finds the course through the norms before the first step and before step
// k, from 0.
func fit(p optim.Pair, a0, b0, a, b float64, k int, s optim.Schedule, lambda float64) course {
	keep := (1 - lambda) * (1 - lambda)
	c := course{a: a0 * a0, b: b0 * b0, ratio: float64(p.B.Value.Rows) / float64(p.A.Value.Cols)}
	shrunk, weight, sum := c.a, 0.0, 0.0
	for i := range k {
		shrunk, weight, sum = shrunk*keep, weight*keep+s.LR(i), sum+s.LR(i)
	}
	if sum > 0 {
		c.g, c.h = max(0, (a*a-shrunk)/weight), max(0, (b*b-c.b)/sum)
	}
	return c
}

// follow takes the course for total steps with another λ and with the learning
// rates of s times speed. It returns the step, from 1, whose test stops the
// shrinking, or 0 and (‖A‖/n)/(‖B‖/m) after the last one.
func (c course) follow(lambda, speed float64, s optim.Schedule, total int) (stop int, ratio float64) {
	keep := (1 - lambda) * (1 - lambda)
	a, b := c.a, c.b
	for k := range total {
		if math.Sqrt(a)*c.ratio < math.Sqrt(b) {
			return k + 1, 0
		}
		rate := s.LR(k) * speed * speed // c.g and c.h are of squares
		a, b = a*keep+c.g*rate, b+c.h*rate
	}
	return 0, math.Sqrt(a) * c.ratio / math.Sqrt(b)
}

// courses are those of the modules that still shrink; others have stopped.
type courses struct {
	open    []course
	stopped int
}

// end is the median over modules of the ratio after total steps, 0 for those
// that have stopped.
func (cs courses) end(lambda, speed float64, s optim.Schedule, total int) float64 {
	ratios := make([]float64, cs.stopped)
	for _, c := range cs.open {
		_, r := c.follow(lambda, speed, s, total)
		ratios = append(ratios, r)
	}
	return median(ratios)
}

// stop is the step at which more than half of the modules have stopped, 0 if
// that is not within total steps.
func (cs courses) stop(lambda float64, s optim.Schedule, total int) int {
	stops := make([]float64, cs.stopped)
	for _, c := range cs.open {
		at, _ := c.follow(lambda, 1, s, total)
		if at == 0 {
			at = math.MaxInt32
		}
		stops = append(stops, float64(at))
	}
	slices.Sort(stops)
	if at := stops[len(stops)/2]; at < math.MaxInt32 {
		return int(at)
	}
	return 0
}
