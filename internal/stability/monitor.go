package stability

import (
	"math"

	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Monitor watches each adapted module: norms in every step, and every so many
// steps the three terms of the change of its output (arXiv 2603.05204, §3),
//
//	δ1 = s·ΔB·A·Z   δ2 = s·B·ΔA·Z   δ3 = s·ΔB·ΔA·Z
//
// with ΔA and ΔB what the optimizer added in this step, without the shrink, and
// Z inputs of the module in this step. Their size is the root mean square over
// outputs and tokens.
type Monitor struct {
	run    Run
	shrink float32         // A after a shrink over A before it
	oldA   []tensor.Matrix // copies from before the update
	oldB   []tensor.Matrix
	rows   []metrics.StabilityRow
	memory Memory
}

// Run is what a Monitor watches.
type Run struct {
	Every     int          // steps from one measurement of the terms to the next
	Layers    []*nn.Linear // of Pairs
	Pairs     []optim.Pair
	Optimizer optim.Optimizer
	Hyper     optim.Hyper // of Optimizer
	Schedule  optim.Schedule
	Total     int  // steps
	BatchSize int  // examples of a step
	Shuffled  bool // whether they come in random order
}

// probeRows is how many tokens' inputs the terms are measured on.
const probeRows = 32

// New returns the monitor of a run that is at its first step.
func New(r Run) *Monitor {
	return &Monitor{run: r, shrink: float32(1 - r.Hyper.ShrinkRatio), rows: make([]metrics.StabilityRow, len(r.Pairs))}
}

// ProbeRows is how many rows of each module's inputs step k, from 0, must keep.
func (m *Monitor) ProbeRows(k int) int {
	if (k+1)%m.run.Every == 0 {
		return probeRows
	}
	return 0
}

// Before is called ahead of the update of step k.
func (m *Monitor) Before(k int) {
	stable := m.stable()
	for i, p := range m.run.Pairs {
		m.rows[i] = metrics.StabilityRow{Step: k + 1, Module: p.Name}
		if stable == nil {
			m.rows[i].NormA, m.rows[i].NormB = optim.FrobeniusNorm(p.A.Value), optim.FrobeniusNorm(p.B.Value)
		}
	}
	if m.ProbeRows(k) == 0 {
		return
	}
	if m.oldA == nil {
		for _, p := range m.run.Pairs {
			m.oldA = append(m.oldA, tensor.New(p.A.Value.Rows, p.A.Value.Cols))
			m.oldB = append(m.oldB, tensor.New(p.B.Value.Rows, p.B.Value.Cols))
		}
	}
	for i, p := range m.run.Pairs {
		m.oldA[i].CopyFrom(p.A.Value)
		m.oldB[i].CopyFrom(p.B.Value)
	}
}

// After is called when step k has been taken, and returns a row for each pair,
// valid until the next step.
func (m *Monitor) After(k int) []metrics.StabilityRow {
	for i := range m.run.Pairs {
		if stable := m.stable(); stable != nil {
			s := stable.Status(i)
			m.rows[i].NormA, m.rows[i].NormB, m.rows[i].Shrinking = s.NormA, s.NormB, s.Shrinking
		}
		if m.ProbeRows(k) > 0 {
			m.measure(i)
		}
	}
	m.memory.remember(m.rows)
	return m.rows
}

// stable is the optimizer where it is Stable-LoRA, which takes the norms itself.
func (m *Monitor) stable() *optim.StableLoRA {
	s, _ := m.run.Optimizer.(*optim.StableLoRA)
	return s
}

// measure fills in the three terms of pair i, or leaves them out where one
// overflows: whether a run has diverged is for its next loss to say.
func (m *Monitor) measure(i int) {
	p, lora := m.run.Pairs[i], m.run.Layers[i].LoRA
	a, b, z := m.oldA[i], m.oldB[i], lora.Probe
	keep := float32(1)
	if m.rows[i].Shrinking {
		keep = m.shrink
	}
	da := difference(p.A.Value, a, keep)
	db := difference(p.B.Value, b, 1)
	az, daz := tensor.New(z.Rows, a.Rows), tensor.New(z.Rows, a.Rows) // (rows, R)
	tensor.MatMulT(az, z, a, false)
	tensor.MatMulT(daz, z, da, false)
	s := float64(lora.Scale)
	d1, d2, d3 := size(s, az, db), size(s, daz, b), size(s, daz, db)
	if sum := d1 + d2 + d3; math.IsInf(sum, 0) || math.IsNaN(sum) {
		return
	}
	m.rows[i].Delta1, m.rows[i].Delta2, m.rows[i].Delta3 = &d1, &d2, &d3
}

// size is the root mean square of s·h·bᵀ.
func size(s float64, h, b tensor.Matrix) float64 {
	y := tensor.New(h.Rows, b.Rows)
	tensor.MatMulT(y, h, b, false)
	norm := optim.FrobeniusNorm(y)
	return s * norm / math.Sqrt(float64(y.Rows*y.Cols))
}

// difference is now − keep·old.
func difference(now, old tensor.Matrix, keep float32) tensor.Matrix {
	d := tensor.New(now.Rows, now.Cols)
	for i := range now.Rows {
		row, o := d.Row(i), old.Row(i)
		for j, v := range now.Row(i) {
			row[j] = v - float32(keep*o[j])
		}
	}
	return d
}
