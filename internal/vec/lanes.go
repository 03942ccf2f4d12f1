package vec

import "math"

// lanes holds the partial sums of a sum.
type lanes [16]float64

// sum joins the lanes in halves; they are used up.
func (l *lanes) sum() float64 {
	for h := len(l) / 2; h > 0; h /= 2 {
		for j := range h {
			l[j] += l[j+h]
		}
	}
	return l[0]
}

// dotGeneric is Σ a·b. The products are exact.
func dotGeneric(a, b []float32) float64 {
	var l lanes
	for i, v := range a {
		l[i%len(l)] += float64(v) * float64(b[i])
	}
	return l.sum()
}

// maxGeneric is the largest element that is not NaN, -Inf where there is none,
// from 16 lanes (which show in the sign of a zero only).
func maxGeneric(x []float32) float32 {
	var l [16]float32
	for j := range l {
		l[j] = float32(math.Inf(-1))
	}
	for i, v := range x {
		if j := i % len(l); v > l[j] {
			l[j] = v
		}
	}
	for h := len(l) / 2; h > 0; h /= 2 {
		for j := range h {
			if l[j+h] > l[j] {
				l[j] = l[j+h]
			}
		}
	}
	return l[0]
}

// mustMatch panics if slices that belong together have different lengths.
func mustMatch(n, m int) {
	if n != m {
		panic("vec: slices of different lengths")
	}
}
