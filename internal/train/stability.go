package train

import (
	"math"

	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/tensor"
)

// monitor watches each adapted module: norms in every step, and every so many
// steps the three terms of the change of its output (arXiv 2603.05204, §3),
//
//	δ1 = s·ΔB·A·Z   δ2 = s·B·ΔA·Z   δ3 = s·ΔB·ΔA·Z
//
// with ΔA and ΔB what the optimizer added in this step, without the shrink, and
// Z inputs of the module in this step. Their size is the root mean square over
// outputs and tokens.
type monitor struct {
	every     int
	layers    []*nn.Linear
	pairs     []optim.Pair
	optimizer optim.Optimizer
	shrink    float64         // A after a shrink over A before it
	oldA      []tensor.Matrix // copies from before the update
	oldB      []tensor.Matrix
	rows      []metrics.StabilityRow
}

// probeRows is how many tokens' inputs the terms are measured on.
const probeRows = 32

func newMonitor(every int, layers []*nn.Linear, pairs []optim.Pair, o optim.Optimizer, shrinkRatio float64) *monitor {
	return &monitor{every: every, layers: layers, pairs: pairs, optimizer: o,
		shrink: float64(float32(1 - shrinkRatio)), rows: make([]metrics.StabilityRow, len(pairs))}
}

// wants returns how many rows of inputs step k must keep.
func (m *monitor) wants(k int) int {
	if (k+1)%m.every == 0 {
		return probeRows
	}
	return 0
}

// before is called ahead of the update of step k, from 0.
func (m *monitor) before(k int) {
	stable := m.stable()
	for i, p := range m.pairs {
		m.rows[i] = metrics.StabilityRow{Step: k + 1, Module: p.Name}
		if stable == nil {
			m.rows[i].NormA, m.rows[i].NormB = optim.FrobeniusNorm(p.A.Value), optim.FrobeniusNorm(p.B.Value)
		}
	}
	if m.wants(k) == 0 {
		return
	}
	if m.oldA == nil {
		for _, p := range m.pairs {
			m.oldA = append(m.oldA, tensor.New(p.A.Value.Rows, p.A.Value.Cols))
			m.oldB = append(m.oldB, tensor.New(p.B.Value.Rows, p.B.Value.Cols))
		}
	}
	for i, p := range m.pairs {
		m.oldA[i].CopyFrom(p.A.Value)
		m.oldB[i].CopyFrom(p.B.Value)
	}
}

// after is called when step k has been taken.
func (m *monitor) after(k int) {
	for i := range m.pairs {
		if stable := m.stable(); stable != nil {
			s := stable.Status(i)
			m.rows[i].NormA, m.rows[i].NormB, m.rows[i].Shrinking = s.NormA, s.NormB, s.Shrinking
		}
		if m.wants(k) > 0 {
			m.measure(i)
		}
	}
}

// stable is the optimizer where it is Stable-LoRA, which takes the norms itself.
func (m *monitor) stable() *optim.StableLoRA {
	s, _ := m.optimizer.(*optim.StableLoRA)
	return s
}

// measure fills in the three terms of pair i.
func (m *monitor) measure(i int) {
	p, lora := m.pairs[i], m.layers[i].LoRA
	a, b, z := m.oldA[i], m.oldB[i], lora.Probe
	keep := float32(1)
	if m.rows[i].Shrinking {
		keep = float32(m.shrink)
	}
	da := difference(p.A.Value, a, keep)
	db := difference(p.B.Value, b, 1)
	az, daz := tensor.New(z.Rows, a.Rows), tensor.New(z.Rows, a.Rows) // (rows, R)
	tensor.MatMulT(az, z, a, false)
	tensor.MatMulT(daz, z, da, false)
	s := float64(lora.Scale)
	m.rows[i].Delta1 = size(s, az, db)
	m.rows[i].Delta2 = size(s, daz, b)
	m.rows[i].Delta3 = size(s, daz, db)
}

// size is the root mean square of s·h·bᵀ.
func size(s float64, h, b tensor.Matrix) *float64 {
	y := tensor.New(h.Rows, b.Rows)
	tensor.MatMulT(y, h, b, false)
	norm := optim.FrobeniusNorm(y)
	rms := s * norm / math.Sqrt(float64(y.Rows*y.Cols))
	return &rms
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
