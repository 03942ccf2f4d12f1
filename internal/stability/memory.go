package stability

import (
	"fmt"
	"math"

	"github.com/stablelora/stablelora/internal/metrics"
)

// Memory is what a Monitor knows of earlier steps; a checkpoint carries it, so
// that a resumed run says in the end what an uninterrupted one says, and repeats
// no warning.
type Memory struct {
	NormA    []float64  `json:"norm_a"` // by pair, before the first step
	NormB    []float64  `json:"norm_b"`
	First    *TermRatio `json:"first_ratio,omitempty"`
	Last     *TermRatio `json:"last_ratio,omitempty"`
	Loss     losses     `json:"loss"`
	Warnings []string   `json:"warnings,omitempty"`
}

// TermRatio is δ1/δ2 at a step, the median over the modules where both are
// above 0: while B is 0, so is δ2.
type TermRatio struct {
	Step  int     `json:"step"`
	Value float64 `json:"value"`
}

// Memory returns what a checkpoint must keep.
func (m *Monitor) Memory() Memory { return m.memory }

// Restore takes it back.
func (m *Monitor) Restore(saved Memory) error {
	if n := len(m.run.Pairs); len(saved.NormA) != n || len(saved.NormB) != n {
		return fmt.Errorf("stability has the norms of %d and %d modules, the run %d", len(saved.NormA), len(saved.NormB), n)
	}
	if got, want := len(saved.Loss.Last), min(saved.Loss.Steps, 2*stretch); got != want {
		return fmt.Errorf("stability has the losses of %d steps, not of %d", got, want)
	}
	m.memory = saved
	return nil
}

func (y *Memory) remember(rows []metrics.StabilityRow) {
	if y.NormA == nil {
		for _, r := range rows {
			y.NormA, y.NormB = append(y.NormA, r.NormA), append(y.NormB, r.NormB)
		}
	}
	var ratios []float64
	for _, r := range rows {
		if r.Delta1 != nil && *r.Delta1 > 0 && *r.Delta2 > 0 {
			ratios = append(ratios, *r.Delta1 / *r.Delta2)
		}
	}
	if x := median(ratios); x > 0 && x <= math.MaxFloat64 {
		y.Last = &TermRatio{rows[0].Step, x}
		if y.First == nil {
			y.First = y.Last
		}
	}
}
