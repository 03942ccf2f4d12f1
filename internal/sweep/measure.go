package sweep

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/stablelora/stablelora/internal/metrics"
)

// measure is one figure of a run on held-out items: the loss on a file, or a
// metric of a task.
type measure struct {
	name    string // "held-out loss (a.jsonl)", "hellaswag acc,none"
	column  string // in sweep.csv
	source  string // the file of the items
	items   string // what they are: equal where two runs answered the same
	loss    bool   // lower is better
	values  []float64
	base    []float64 // of the base model; nil: not scored
	weights []float64 // of a loss: the value is Σ values / Σ weights; nil: all 1
}

func (m measure) value() float64 { return ratio(m.values, m.weights) }

// better tells whether a is a better value than b.
func (m measure) better(a, b float64) bool {
	if m.loss {
		return a < b
	}
	return a > b
}

// ratio is Σ values / Σ weights.
func ratio(values, weights []float64) float64 {
	var sum, n float64
	for i, v := range values {
		sum += v
		n += weight(weights, i)
	}
	return sum / n
}

func weight(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}

// measuresOf arranges a run's items: held-out files in the configuration's order,
// then tasks with their metrics.
func measuresOf(items *metrics.Items) ([]measure, error) {
	var all []measure
	for _, h := range items.HeldOut {
		m := measure{name: fmt.Sprintf("held-out loss (%s)", filepath.Base(h.Path)), column: "held_out_loss/" + filepath.Base(h.Path),
			source: h.Path, items: fmt.Sprint(h.Tokens), loss: true, values: h.Losses}
		if len(h.Tokens) != len(h.Losses) {
			return nil, errors.New("held_out: losses and tokens are not equally many")
		}
		for _, n := range h.Tokens {
			m.weights = append(m.weights, float64(n))
		}
		all = append(all, m)
	}
	for _, t := range items.Tasks {
		for _, x := range t.Metrics {
			if x.Base != nil && len(x.Base) != len(x.Adapted) {
				return nil, fmt.Errorf("%s %s: base and adapted are not equally many", t.Task, x.Key)
			}
			all = append(all, measure{name: t.Task + " " + x.Key, column: t.Task + "/" + columnKey(x.Key),
				source: t.Path, items: t.Documents, values: x.Adapted, base: x.Base})
		}
	}
	for i, m := range all {
		for _, other := range all[:i] {
			if other.name == m.name { // two files of one name
				all[i].name, all[i].column = fmt.Sprintf("%s #%d", m.name, i+1), fmt.Sprintf("%s#%d", m.column, i+1)
			}
		}
		if v := m.value(); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%s has no items", m.name)
		}
	}
	return all, nil
}

// columnKey is a metric's key without a comma: acc,none is acc.
func columnKey(key string) string {
	return strings.ReplaceAll(strings.TrimSuffix(key, ",none"), ",", "/")
}

// heldOutLoss is the loss over all held-out files; nil: there are none.
func heldOutLoss(measures []measure) *float64 {
	var sum, n float64
	for _, m := range measures {
		if m.loss {
			for i, v := range m.values {
				sum, n = sum+v, n+m.weights[i]
			}
		}
	}
	if n == 0 {
		return nil
	}
	loss := sum / n
	return &loss
}
