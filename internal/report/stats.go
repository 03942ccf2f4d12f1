package report

import (
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/stablelora/stablelora/internal/runfolder"
)

// smooth is the exponential mean of y over about span values, unbiased at its
// beginning.
func smooth(y []float64, span int) []float64 {
	keep := 1 - 2/float64(span+1)
	out := make([]float64, len(y))
	var sum, weight float64
	for i, v := range y {
		sum, weight = keep*sum+(1-keep)*v, keep*weight+(1-keep)
		out[i] = sum / weight
	}
	return out
}

// smoothingSpan is over how many of n steps losses are smoothed.
func smoothingSpan(n int) int { return max(1, min(200, n/12)) }

// interval is an estimate with its bounds; NaN where there are none.
type interval struct{ value, low, high float64 }

// wilson is the 95 % score interval of a share of n yes-or-no answers (Wilson
// 1927); unlike the normal one it is not empty at 0 and 1.
func wilson(share float64, n int) interval {
	if n < 1 || !(share >= 0 && share <= 1) {
		return interval{share, math.NaN(), math.NaN()}
	}
	const z = 1.959963984540054
	f := float64(n)
	middle := (share + z*z/(2*f)) / (1 + z*z/f)
	half := z / (1 + z*z/f) * math.Sqrt(share*(1-share)/f+z*z/(4*f*f))
	return interval{share, max(0, middle-half), min(1, middle+half)}
}

// overSeeds is the mean of values with Student's 95 % interval, which one
// value does not have.
func overSeeds(values []float64) interval {
	n := float64(len(values))
	var sum, squares float64
	for _, v := range values {
		sum += v
	}
	mean := sum / n
	if len(values) < 2 {
		return interval{mean, math.NaN(), math.NaN()}
	}
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975)
	half := t * math.Sqrt(squares/(n-1)/n)
	return interval{mean, mean - half, mean + half}
}

// spread is the least, middle and greatest value of modules, by step.
type spread struct{ step, low, median, high []float64 }

// spreadOf gathers a value of all modules by step; what is NaN does not count.
func spreadOf(modules []*runfolder.Module, steps func(*runfolder.Module) []float64, value func(m *runfolder.Module, i int) float64) spread {
	type point struct{ step, value float64 }
	var all []point
	for _, m := range modules {
		for i, s := range steps(m) {
			if v := value(m, i); !math.IsNaN(v) {
				all = append(all, point{s, v})
			}
		}
	}
	slices.SortFunc(all, func(a, b point) int {
		switch {
		case a.step < b.step || a.step == b.step && a.value < b.value:
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	var out spread
	for first := 0; first < len(all); {
		end := first + 1
		for end < len(all) && all[end].step == all[first].step {
			end++
		}
		out.step = append(out.step, all[first].step)
		out.low, out.high = append(out.low, all[first].value), append(out.high, all[end-1].value)
		out.median = append(out.median, (all[(first+end-1)/2].value+all[(first+end)/2].value)/2)
		first = end
	}
	return out
}

// means is the mean of a value over modules, by step.
func means(modules []*runfolder.Module, value func(*runfolder.Module, int) float64) (step, mean []float64) {
	sum, n := map[float64]float64{}, map[float64]float64{}
	for _, m := range modules {
		for i, s := range m.Step {
			sum[s] += value(m, i)
			n[s]++
		}
	}
	step = slices.Sorted(maps.Keys(sum))
	for _, s := range step {
		mean = append(mean, sum[s]/n[s])
	}
	return step, mean
}
