package chart

import (
	"math"
	"strconv"
	"strings"
)

// extreme bounds what an axis can show, so that no span overflows, padded or not.
const extreme = 1e200

// axis maps values to positions: linear or, with log, logarithmic.
type axis struct {
	lo, hi   float64
	log      bool
	from, to float64 // positions of lo and hi
}

// newAxis returns an axis over all values that are finite and, with log, above
// 0; it is never empty.
func newAxis(log bool, values ...[]float64) axis {
	a := axis{lo: math.Inf(1), hi: math.Inf(-1), log: log}
	for _, vs := range values {
		for _, v := range vs {
			if a.shows(v) {
				a.lo, a.hi = min(a.lo, v), max(a.hi, v)
			}
		}
	}
	// A length that ticks cannot divide is none.
	point := a.hi-a.lo <= 1e-12*max(math.Abs(a.lo), math.Abs(a.hi), 1e-280)
	switch {
	case a.lo > a.hi && log:
		a.lo, a.hi = 0.1, 10
	case a.lo > a.hi:
		a.lo, a.hi = 0, 1
	case point && log:
		a.lo, a.hi = a.lo/2, a.hi*2
	case point:
		d := max(math.Abs(a.lo)/10, 1e-12)
		a.lo, a.hi = a.lo-d, a.hi+d
	}
	return a
}

func (a axis) shows(v float64) bool {
	return math.Abs(v) <= extreme && (!a.log || v >= 1/extreme)
}

// pad widens the axis by a share of its length at both ends.
func (a axis) pad(share float64) axis {
	if a.log {
		d := share * (math.Log(a.hi) - math.Log(a.lo))
		a.lo, a.hi = a.lo*math.Exp(-d), a.hi*math.Exp(d)
		return a
	}
	d := share * (a.hi - a.lo)
	a.lo, a.hi = a.lo-d, a.hi+d
	return a
}

// at is the position of v.
func (a axis) at(v float64) float64 {
	f := (v - a.lo) / (a.hi - a.lo)
	if a.log {
		f = (math.Log(v) - math.Log(a.lo)) / (math.Log(a.hi) - math.Log(a.lo))
	}
	return a.from + f*(a.to-a.from)
}

// tick is a labelled value of an axis.
type tick struct {
	value float64
	label string
}

// ticks returns about n round values of the axis.
func (a axis) ticks(n int) []tick {
	if a.log {
		if t := logTicks(a.lo, a.hi, n); len(t) > 1 {
			return t
		}
	}
	return linearTicks(a.lo, a.hi, n)
}

// linearTicks are multiples of 1, 2 or 5 times a power of ten.
func linearTicks(lo, hi float64, n int) []tick {
	step := roundStep((hi - lo) / float64(n))
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	exponent := max(math.Abs(lo), math.Abs(hi)) >= 1e5 || decimals > 4
	var out []tick
	for k := math.Ceil(lo/step - 1e-9); len(out) < 4*n; k++ {
		v := k * step
		if v > hi+1e-9*step {
			break
		}
		label := strconv.FormatFloat(v, 'f', decimals, 64)
		if exponent {
			label = Number(v, 4)
		}
		if k == 0 {
			v, label = 0, "0"
		}
		out = append(out, tick{v, label})
	}
	return out
}

// roundStep is the least 1, 2 or 5 times a power of ten from x on.
func roundStep(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= x*(1-1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// logTicks are powers of ten, thinned where there are many, with 2 and 5 times
// them where there are few.
func logTicks(lo, hi float64, n int) []tick {
	first, last := int(math.Floor(math.Log10(lo))), int(math.Ceil(math.Log10(hi)))
	inside := int(math.Floor(math.Log10(hi)+1e-9)) - int(math.Ceil(math.Log10(lo)-1e-9)) + 1
	every := max(1, (inside+n-1)/n)
	factors := []float64{1}
	if inside <= 2 {
		factors = []float64{1, 2, 5}
	}
	var out []tick
	for e := first; e <= last; e++ {
		if e%every != 0 {
			continue
		}
		for _, f := range factors {
			v := f * math.Pow(10, float64(e))
			if v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				out = append(out, tick{v, Number(v, 3)})
			}
		}
	}
	return out
}

// Number writes v with that many digits, the exponent as people do: 1e-4.
func Number(v float64, digits int) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v == 0:
		return "0"
	case math.Abs(v) >= 1 && math.Abs(v) < 1e6: // no exponent for the sake of the digits
		decimals := max(0, digits-1-int(math.Floor(math.Log10(math.Abs(v)))))
		s := strconv.FormatFloat(v, 'f', decimals, 64)
		if strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		return s
	}
	s := strconv.FormatFloat(v, 'g', digits, 64)
	mantissa, exponent, found := strings.Cut(s, "e")
	if !found {
		return s
	}
	sign := ""
	if exponent[0] == '-' {
		sign = "-"
	}
	return mantissa + "e" + sign + strings.TrimLeft(exponent, "+-0")
}
