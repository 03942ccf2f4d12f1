package chart

import "math"

// Thin returns at most n indices of y in order: the first, the last, and of
// each stretch between them the least and the greatest value. NaN ends a line;
// a stretch of nothing else keeps one.
func Thin(y []float64, n int) []int {
	if len(y) <= n || n < 4 {
		all := make([]int, len(y))
		for i := range all {
			all[i] = i
		}
		return all
	}
	keep := []int{0}
	inner, stretches := len(y)-2, (n-2)/2
	for b := range stretches {
		first, end := 1+b*inner/stretches, 1+(b+1)*inner/stretches
		least, most := first, first
		for i := first; i < end; i++ {
			if y[i] < y[least] || math.IsNaN(y[least]) {
				least = i
			}
			if y[i] > y[most] || math.IsNaN(y[most]) {
				most = i
			}
		}
		keep = append(keep, min(least, most))
		if least != most {
			keep = append(keep, max(least, most))
		}
	}
	return append(keep, len(y)-1)
}

// thinBand merges a band's points into at most n, each as wide as all it
// stands for.
func thinBand(x, low, high []float64, n int) (tx, tl, th []float64) {
	if len(x) <= n {
		return x, low, high
	}
	for b := range n {
		first, end := b*len(x)/n, (b+1)*len(x)/n
		l, h := low[first], high[first]
		for i := first + 1; i < end; i++ {
			l, h = least(l, low[i]), -least(-h, -high[i])
		}
		at := first
		if b == n-1 {
			at = end - 1
		}
		tx, tl, th = append(tx, x[at]), append(tl, l), append(th, h)
	}
	return tx, tl, th
}

// least is the smaller of two numbers, or the one that is no NaN.
func least(a, b float64) float64 {
	if math.IsNaN(a) || b < a {
		return b
	}
	return a
}
