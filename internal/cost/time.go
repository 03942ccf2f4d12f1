package cost

// Rates say how fast a machine works: operations, elements and updates a second.
// What has no rate takes no time.
type Rates struct {
	LinearForward, LinearBackward       float64
	AttentionForward, AttentionBackward float64
	LowRank, Head                       float64
	Elements, Updates                   float64
}

// Uniform is the rate of a machine that does so many operations of needed work a
// second over whole steps.
func Uniform(flops float64) Rates {
	return Rates{LinearForward: flops, LinearBackward: flops, AttentionForward: flops, AttentionBackward: flops, LowRank: flops, Head: flops}
}

// Seconds is the time that work takes.
func (r Rates) Seconds(w Work) float64 {
	sum := 0.0
	for _, x := range []struct{ amount, rate float64 }{
		{w.Needed.LinearForward + w.Again.LinearForward, r.LinearForward},
		{w.Needed.LinearBackward, r.LinearBackward},
		{w.Needed.AttentionForward + w.Again.AttentionForward, r.AttentionForward},
		{w.Needed.AttentionBackward, r.AttentionBackward},
		{w.Needed.LowRank + w.Again.LowRank, r.LowRank},
		{w.Needed.Head, r.Head},
		{w.Elements, r.Elements},
		{w.Updates, r.Updates},
	} {
		if x.rate > 0 {
			sum += x.amount / x.rate
		}
	}
	return sum
}

// Prices of running a machine; 0: not known.
type Prices struct {
	Watts   float64 // that the machine draws while it trains
	PerKWh  float64
	PerHour float64 // of the machine, in the same currency
}

// Of returns the energy of so many seconds, in kWh, and the money; false: it is
// not known.
func (p Prices) Of(seconds float64) (kWh, money float64, hasEnergy, hasMoney bool) {
	hours := seconds / 3600
	kWh = p.Watts / 1000 * hours
	money = kWh*p.PerKWh + hours*p.PerHour
	return kWh, money, p.Watts > 0, p.PerHour > 0 || p.Watts > 0 && p.PerKWh > 0
}
