package optim

import (
	"fmt"
	"math"
)

// StableLoRA is AdamW preceded by a shrink of A (arXiv 2603.05204, and the
// authors' code). At each step and for each pair that still shrinks:
//
//	if ‖A‖ < n/m·‖B‖:  never shrink this pair again
//	else:              A ← (1-λ)·A
//
// The norms are Frobenius norms of A unshrunk and of B before this step's
// update. The shrink is the same whatever the learning rate, and the moments
// are not rescaled by it. With Hyper.TestEvery = k the condition is tested in
// steps k, 2k, … only.
type StableLoRA struct {
	*AdamW
	status []Status
}

// Status is what Stable-LoRA did to one pair.
type Status struct {
	NormA, NormB float64 // at the start of the last Step, before shrink and update
	Shrinking    bool    // whether the last Step shrank A
	StoppedAt    int     // step, from 1, whose test stopped the shrinking; 0: none yet
	Factor       float64 // by which all shrinks together have multiplied A
}

func newStableLoRA(pairs []Pair, hp Hyper) *StableLoRA {
	o := &StableLoRA{newAdamW(nameStableLoRA, pairs, hp), make([]Status, len(pairs))}
	for i := range o.status {
		o.status[i].Factor = 1
	}
	return o
}

// Step implements Optimizer.
func (o *StableLoRA) Step(lr float64) {
	for i, p := range o.pairs {
		o.shrink(&o.status[i], p)
	}
	o.AdamW.Step(lr)
}

func (o *StableLoRA) shrink(s *Status, p Pair) {
	s.NormA, s.NormB = FrobeniusNorm(p.A.Value), FrobeniusNorm(p.B.Value)
	n, m := float64(p.A.Value.Cols), float64(p.B.Value.Rows)
	test := o.hp.StopCondition && (o.step+1)%max(1, o.hp.TestEvery) == 0
	if test && s.StoppedAt == 0 && s.NormA < n/m*s.NormB {
		s.StoppedAt = o.step + 1
	}
	s.Shrinking = s.StoppedAt == 0
	if !s.Shrinking {
		return
	}
	p.A.Value.Scale(float32(1 - o.hp.ShrinkRatio))
	s.Factor = o.factor(o.step + 1)
}

// factor is that of so many shrinks.
func (o *StableLoRA) factor(shrinks int) float64 {
	return math.Pow(1-o.hp.ShrinkRatio, float64(shrinks))
}

// Status returns what happened to pair i, numbered as given to New. After
// Restore and before the next Step, norms and Shrinking are not known: 0 and
// false.
func (o *StableLoRA) Status(i int) Status { return o.status[i] }

// State implements Optimizer.
func (o *StableLoRA) State() State {
	s := o.AdamW.State()
	s.StoppedAt = map[string]int{}
	for i, p := range o.pairs {
		s.StoppedAt[p.Name] = o.status[i].StoppedAt
	}
	return s
}

// Restore implements Optimizer.
func (o *StableLoRA) Restore(s State) error {
	if len(s.StoppedAt) != len(o.pairs) {
		return fmt.Errorf("stopped_at has %d modules, the run %d", len(s.StoppedAt), len(o.pairs))
	}
	for _, p := range o.pairs {
		if at, ok := s.StoppedAt[p.Name]; !ok {
			return fmt.Errorf("stopped_at lacks module %s", p.Name)
		} else if at < 0 || at > s.Step {
			return fmt.Errorf("stopped_at of %s is %d, must be between 0 and step %d", p.Name, at, s.Step)
		}
	}
	if err := o.AdamW.Restore(s); err != nil {
		return err
	}
	for i, p := range o.pairs {
		at := s.StoppedAt[p.Name]
		shrinks := s.Step
		if at > 0 {
			shrinks = at - 1
		}
		o.status[i] = Status{StoppedAt: at, Factor: o.factor(shrinks)}
	}
	return nil
}
