package vec

import (
	"math"
)

// RMSNorm writes w·(x·rstd) to y and returns rstd = 1/√(Σx²/len(x) + eps), which
// is computed in float64 and rounded once.
func RMSNorm(y, x, w []float32, eps float64) (rstd float32) {
	rstd = float32(1 / math.Sqrt(Dot(x, x)/float64(len(x))+eps))
	RMSNormScale(y, x, w, rstd)
	return rstd
}

// RMSNormScale writes w·(x·rstd) to y.
func RMSNormScale(y, x, w []float32, rstd float32) {
	mustMatch(len(y), len(x))
	mustMatch(len(y), len(w))
	if kernels() && len(y) > 0 {
		rmsNormScaleKernel(len(y), &y[0], &x[0], &w[0], rstd)
		return
	}
	rmsNormScaleGeneric(y, x, w, rstd)
}

func rmsNormScaleGeneric(y, x, w []float32, rstd float32) {
	for i, v := range x {
		y[i] = w[i] * float32(v*rstd)
	}
}

// RMSNormBackward adds the gradient of x in RMSNorm to dx:
//
//	g = dy·w   mean = rstd·Σ x·g / len(x)   dx += rstd·(g − (x·rstd)·mean)
func RMSNormBackward(dx, dy, x, w []float32, rstd float32) {
	mustMatch(len(dx), len(dy))
	mustMatch(len(dx), len(x))
	mustMatch(len(dx), len(w))
	mean := float32(rmsNormDot(x, dy, w) * float64(rstd) / float64(len(x)))
	if kernels() && len(dx) > 0 {
		rmsNormBackwardKernel(len(dx), &dx[0], &dy[0], &x[0], &w[0], rstd, mean)
		return
	}
	rmsNormBackwardGeneric(dx, dy, x, w, rstd, mean)
}

func rmsNormBackwardGeneric(dx, dy, x, w []float32, rstd, mean float32) {
	for i, v := range x {
		dx[i] += float32(rstd * (float32(dy[i]*w[i]) - float32(float32(v*rstd)*mean)))
	}
}

// rmsNormDot is Σ x·(dy·w).
func rmsNormDot(x, dy, w []float32) float64 {
	if kernels() && len(x) > 0 {
		return rmsNormDotKernel(len(x), &x[0], &dy[0], &w[0])
	}
	return rmsNormDotGeneric(x, dy, w)
}

func rmsNormDotGeneric(x, dy, w []float32) float64 {
	var l lanes
	for i, v := range x {
		l[i%len(l)] += float64(v) * float64(float32(dy[i]*w[i]))
	}
	return l.sum()
}
