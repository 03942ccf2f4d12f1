package nn

import "math"

// exp is e^x in float32, from float64 arithmetic that every platform rounds
// alike: x = k·ln2 + r, a polynomial of degree 9 in r, and k put into the
// exponent. Its error is below 0.501 units in the last place; results below
// float32's normal range are 0 and above it infinite.
func exp(x float32) float32 {
	const (
		invLn2 = 1 / math.Ln2
		magic  = 3 << 51 // adding it rounds to an integer in the low bits
	)
	switch {
	case x != x:
		return x
	case x > 88.72284:
		return float32(math.Inf(1))
	case x < -87.33654:
		return 0
	}
	z := float64(x)
	t := float64(z*invLn2) + magic
	r := z - float64((t-magic)*math.Ln2)
	p := 1.0 / 362880
	p = float64(p*r) + 1.0/40320
	p = float64(p*r) + 1.0/5040
	p = float64(p*r) + 1.0/720
	p = float64(p*r) + 1.0/120
	p = float64(p*r) + 1.0/24
	p = float64(p*r) + 1.0/6
	p = float64(p*r) + 0.5
	p = float64(p*r) + 1
	p = float64(p*r) + 1
	return float32(p * math.Float64frombits((math.Float64bits(t)+1023)<<52))
}

// sigmoid is 1/(1+e^-z) without overflow.
func sigmoid(z float32) float32 {
	if z >= 0 {
		return 1 / (1 + exp(-z))
	}
	e := exp(z)
	return e / (1 + e)
}
