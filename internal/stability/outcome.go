package stability

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/optim"
)

// Outcome sums up what a run did to the factors. Figures of a run are medians
// over its modules, which no single odd one moves.
type Outcome struct {
	Text  string     `json:"text"`   // the rest in sentences
	NormA [2]float64 `json:"norm_a"` // ‖A‖ at the start and at the end
	NormB [2]float64 `json:"norm_b"`
	// StopRatio is (‖A‖/n)/(‖B‖/m) at the end, over the modules whose B is not
	// 0; Stable-LoRA's shrinking stops below 1. 0: B is 0 everywhere.
	StopRatio float64 `json:"stop_ratio,omitempty"`
	// TermRatio holds δ1/δ2 of the first and the last measurement that has it.
	TermRatio []TermRatio `json:"delta1_over_delta2,omitempty"`
	Warnings  []string    `json:"warnings,omitempty"` // told on the way
}

// Outcome is to be asked for after the last step.
func (m *Monitor) Outcome() Outcome {
	var a, b, ratios []float64
	for _, p := range m.run.Pairs {
		a, b = append(a, optim.FrobeniusNorm(p.A.Value)), append(b, optim.FrobeniusNorm(p.B.Value))
		if r := stopRatio(p, a[len(a)-1], b[len(b)-1]); r <= math.MaxFloat64 {
			ratios = append(ratios, r)
		}
	}
	o := Outcome{NormA: [2]float64{median(m.memory.NormA), median(a)}, NormB: [2]float64{median(m.memory.NormB), median(b)},
		StopRatio: median(ratios), Warnings: m.memory.Warnings}
	for _, r := range []*TermRatio{m.memory.First, m.memory.Last} {
		if r != nil && (len(o.TermRatio) == 0 || o.TermRatio[0] != *r) {
			o.TermRatio = append(o.TermRatio, *r)
		}
	}
	o.Text = m.shrinkText() + fmt.Sprintf("the median module's ‖A‖ went from %.3g to %.3g, its ‖B‖ from %.3g to %.3g; ",
		o.NormA[0], o.NormA[1], o.NormB[0], o.NormB[1]) + m.termText(o.TermRatio)
	return o
}

// shrinkText says what Stable-LoRA did, "" for other methods and where λ is 0.
func (m *Monitor) shrinkText() string {
	stable := m.stable()
	if stable == nil || m.run.Hyper.ShrinkRatio == 0 {
		return ""
	}
	var stops, kept, open []float64
	for i, p := range m.run.Pairs {
		s := stable.Status(i)
		kept = append(kept, s.Factor)
		if s.StoppedAt > 0 {
			stops = append(stops, float64(s.StoppedAt))
		} else if r := stopRatio(p, optim.FrobeniusNorm(p.A.Value), optim.FrobeniusNorm(p.B.Value)); r <= math.MaxFloat64 {
			open = append(open, r)
		}
	}
	all := len(m.run.Pairs)
	var b strings.Builder
	switch len(stops) {
	case 0:
		fmt.Fprintf(&b, "shrinking went on to the end in all %d modules", all)
	case all:
		fmt.Fprintf(&b, "shrinking stopped %s in all %d modules", steps(stops), all)
	default:
		fmt.Fprintf(&b, "shrinking stopped %s in %d of %d modules and went on to the end in %d", steps(stops), len(stops), all, all-len(stops))
	}
	switch {
	case !m.run.Hyper.StopCondition:
		b.WriteString(", as stop_condition: false asks for")
	case len(open) > 0:
		fmt.Fprintf(&b, ", where ‖A‖/n is still %s times ‖B‖/m", between(open))
	}
	fmt.Fprintf(&b, "; it alone left %s of A; ", between(kept))
	return b.String()
}

func steps(at []float64) string {
	if slices.Min(at) == slices.Max(at) {
		return fmt.Sprintf("in step %.0f", at[0])
	}
	return fmt.Sprintf("between steps %.0f and %.0f (median %.0f)", slices.Min(at), slices.Max(at), median(at))
}

// between gives a range with three digits, a single figure where that is all.
func between(x []float64) string {
	low, high := fmt.Sprintf("%.3g", slices.Min(x)), fmt.Sprintf("%.3g", slices.Max(x))
	if low == high {
		return low
	}
	return low + " to " + high
}

func (m *Monitor) termText(r []TermRatio) string {
	what := "δ1/δ2, the effect of B's steps over that of A's, "
	switch {
	case len(r) == 2:
		verb := "went"
		if change := r[1].Value / r[0].Value; change < 0.9 {
			verb = "fell"
		} else if change > 1.1 {
			verb = "rose"
		}
		return what + fmt.Sprintf("%s from %.3g in step %d to %.3g in step %d", verb, r[0].Value, r[0].Step, r[1].Value, r[1].Step)
	case len(r) == 1:
		return what + fmt.Sprintf("was %.3g in step %d", r[0].Value, r[0].Step)
	case m.run.Every > m.run.Total:
		return "δ1/δ2 was not measured: log.every is above the number of steps"
	}
	return "δ1/δ2 is not known: δ2 was 0 whenever it was measured"
}

// stopRatio is (‖A‖/n)/(‖B‖/m), infinite or NaN where B is 0.
func stopRatio(p optim.Pair, normA, normB float64) float64 {
	return normA / float64(p.A.Value.Cols) / (normB / float64(p.B.Value.Rows))
}

// median of values, the mean of the middle two for an even number; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
