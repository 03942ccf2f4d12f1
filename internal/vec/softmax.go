package vec

// Softmax replaces x by the softmax of scale·x, scale > 0:
//
//	e = exp(scale·x − max(scale·x))   x = e · (1/Σe)
//
// with 1/Σe computed in float64 and rounded once.
func Softmax(x []float32, scale float32) {
	sum := expSum(x, scale, maximum(x)*scale)
	Scale(x, float32(1/sum))
}

// SoftmaxBackward replaces the gradient d of a row of probabilities p by that of
// x in p = Softmax(x, scale):
//
//	d = (p·(d − Σ p·d))·scale
func SoftmaxBackward(d, p []float32, scale float32) {
	mustMatch(len(d), len(p))
	rowSum := float32(Dot(p, d))
	if kernels() && len(d) > 0 {
		softmaxBackwardKernel(len(d), &d[0], &p[0], rowSum, scale)
		return
	}
	softmaxBackwardGeneric(d, p, rowSum, scale)
}

func softmaxBackwardGeneric(d, p []float32, rowSum, scale float32) {
	for i, v := range p {
		d[i] = float32(v*(d[i]-rowSum)) * scale
	}
}

// maximum is the largest element that is not NaN; -Inf where there is none.
func maximum(x []float32) float32 {
	if kernels() && len(x) > 0 {
		return maxKernel(len(x), &x[0])
	}
	return maxGeneric(x)
}

// LogSumExp returns the largest element and sum = Σ exp(x − largest): the
// logarithm of Σ e^x is largest + ln(sum). A NaN in x makes sum NaN.
func LogSumExp(x []float32) (largest float32, sum float64) {
	largest = maximum(x)
	if kernels() && len(x) > 0 {
		return largest, sumExpKernel(len(x), &x[0], largest)
	}
	return largest, sumExpGeneric(x, largest)
}

func sumExpGeneric(x []float32, largest float32) float64 {
	var l lanes
	for i, v := range x {
		l[i%len(l)] += float64(exp(v - largest))
	}
	return l.sum()
}

// ExpScale replaces x by f·exp(x − largest).
func ExpScale(x []float32, largest, f float32) {
	if kernels() && len(x) > 0 {
		expScaleKernel(len(x), &x[0], largest, f)
		return
	}
	expScaleGeneric(x, largest, f)
}

func expScaleGeneric(x []float32, largest, f float32) {
	for i, v := range x {
		x[i] = exp(v-largest) * f
	}
}

// expSum replaces x by exp(scale·x − largest) and returns the sum of that.
func expSum(x []float32, scale, largest float32) float64 {
	if kernels() && len(x) > 0 {
		return expSumKernel(len(x), &x[0], scale, largest)
	}
	return expSumGeneric(x, scale, largest)
}

func expSumGeneric(x []float32, scale, largest float32) float64 {
	var l lanes
	for i, v := range x {
		x[i] = exp(float32(v*scale) - largest)
		l[i%len(l)] += float64(x[i])
	}
	return l.sum()
}
