package eval

import (
	"fmt"
	"math"
	"math/big"
)

// Metric is one figure of a task: its value for each document.
type Metric struct {
	Name   string // acc, acc_norm, exact_match
	Filter string // none, or the filter that took the answer out of a text
	Values []float64
}

// Key is the metric's name in results files: acc,none.
func (m Metric) Key() string { return m.Name + "," + m.Filter }

// StderrKey is the name of its standard error: acc_stderr,none.
func (m Metric) StderrKey() string { return m.Name + "_stderr," + m.Filter }

// Mean returns the average over all documents.
func (m Metric) Mean() float64 { return mean(m.Values) }

// Stderr returns the standard error of Mean; ok is false for a single
// document, which has none.
func (m Metric) Stderr() (stderr float64, ok bool) { return standardError(m.Values) }

func mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// standardError is the sample standard deviation (n-1) over the root of n.
func standardError(x []float64) (float64, bool) {
	if len(x) < 2 {
		return 0, false
	}
	mu, n := mean(x), float64(len(x))
	var sum float64
	for _, v := range x {
		sum += float64((v - mu) * (v - mu))
	}
	return math.Sqrt(sum/(n-1)) / math.Sqrt(n), true
}

// Difference says by how much a metric differs between two models that
// answered the same documents.
type Difference struct {
	Key       string
	Value     float64 // adapted minus base
	Stderr    float64 // of the mean of the documents' differences
	HasStderr bool    // false for a single document
	PValue    float64 // two-sided, exact McNemar test
}

// Compare returns the difference of each metric, in the metrics' order.
func Compare(base, adapted *TaskResult) ([]Difference, error) {
	var differences []Difference
	for i, a := range adapted.Metrics {
		if i >= len(base.Metrics) || base.Metrics[i].Key() != a.Key() || len(base.Metrics[i].Values) != len(a.Values) {
			return nil, fmt.Errorf("task %s: the two results are not of the same documents", adapted.Task.Name)
		}
		b := base.Metrics[i]
		delta := make([]float64, len(a.Values))
		better, worse := 0, 0
		for j := range delta {
			delta[j] = a.Values[j] - b.Values[j]
			if delta[j] > 0 {
				better++
			} else if delta[j] < 0 {
				worse++
			}
		}
		d := Difference{Key: a.Key(), Value: mean(delta), PValue: McNemar(better, worse)}
		d.Stderr, d.HasStderr = standardError(delta)
		differences = append(differences, d)
	}
	return differences, nil
}

// McNemar is the two-sided p-value of the exact test (McNemar 1947) for two
// models of which one alone was right b times and the other c times: how probable
// a split of b+c coin throws at least as uneven is. The metrics must be 0 or 1.
func McNemar(b, c int) float64 {
	n := b + c
	sum, choose := new(big.Int), big.NewInt(1) // of choose(n, k)
	for k := range min(b, c) + 1 {
		sum.Add(sum, choose)
		choose.Mul(choose, big.NewInt(int64(n-k)))
		choose.Quo(choose, big.NewInt(int64(k+1)))
	}
	tail := new(big.Float).SetInt(sum)
	p, _ := tail.SetMantExp(tail, 1-n).Float64()
	return min(1, p)
}
