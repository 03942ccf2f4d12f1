package optim

import (
	"fmt"
	"math"
)

// Schedule gives the learning rate of each step: a linear warm-up from 0, then
// a curve, exactly as transformers' get_{constant,linear,cosine}_schedule_with_warmup.
type Schedule struct {
	kind     string
	base     float64
	total    int // optimizer steps of the run
	warmup   int // of which warm-up
	minRatio float64
}

// NewSchedule returns the schedule of a run of total steps: kind is constant,
// linear or cosine, base the learning rate after warm-up. The warm-up takes
// warmupSteps or, where that is 0, ceil(warmupRatio·total). After it the
// curve's factor f becomes minRatio + (1-minRatio)·f.
func NewSchedule(kind string, base float64, total, warmupSteps int, warmupRatio, minRatio float64) (Schedule, error) {
	switch kind {
	case "constant", "linear", "cosine":
	default:
		return Schedule{}, fmt.Errorf("train.lr_scheduler %q is not one of constant, linear, cosine", kind)
	}
	if warmupSteps == 0 {
		warmupSteps = int(math.Ceil(warmupRatio * float64(total)))
	}
	return Schedule{kind, base, total, warmupSteps, minRatio}, nil
}

// WarmupSteps is the number of steps before the learning rate is the base.
func (s Schedule) WarmupSteps() int { return s.warmup }

// Base is the learning rate after the warm-up.
func (s Schedule) Base() float64 { return s.base }

// LR returns the learning rate of a step, counted from 0.
func (s Schedule) LR(step int) float64 {
	if step < s.warmup {
		return s.base * (float64(step) / float64(s.warmup))
	}
	f := s.curve(step)
	return s.base * (s.minRatio + float64((1-s.minRatio)*f))
}

// curve falls from 1 at the end of the warm-up to 0 at the end of the run.
func (s Schedule) curve(step int) float64 {
	span := float64(max(1, s.total-s.warmup))
	switch s.kind {
	case "linear":
		return max(0, float64(s.total-step)/span)
	case "cosine":
		return max(0, 0.5*(1+math.Cos(math.Pi*(float64(step-s.warmup)/span))))
	}
	return 1
}
