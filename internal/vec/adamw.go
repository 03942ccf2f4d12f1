package vec

import (
	"math"
)

// AdamW holds the numbers of one optimizer step that all elements share.
type AdamW struct {
	Decay    float32 // 1 - lr·wd
	W1       float32 // 1 - β1
	Beta2    float32
	W2       float32 // 1 - β2
	RootBias float32 // √(1 - β2ᵗ)
	Eps      float32
	Rate     float32 // -lr/(1 - β1ᵗ)
}

// adamWScalars is AdamW as the kernel reads it.
type adamWScalars struct {
	decay, lerp, beta2, w2, rootBias, eps, rate float32

	fromGrad uint32 // all ones: the mean starts from the gradient
}

// Update takes the step of every element: θ, its gradient g and the running
// means m and v. The roundings are those of torch.optim.AdamW:
//
//	m = m + W1·(g − m)
//	v = v·β2 + (W2·g)·g
//	θ = θ·Decay + (Rate·m) / (√v/RootBias + Eps)
//
// m starts from the nearer end, as torch.lerp does, so that W1 = 1 gives g
// exactly: from W1 = 0.5 on it is g + (W1 − 1)·(g − m).
func (c *AdamW) Update(theta, grad, m, v []float32) {
	mustMatch(len(theta), len(grad))
	mustMatch(len(theta), len(m))
	mustMatch(len(theta), len(v))
	s := adamWScalars{c.Decay, c.W1, c.Beta2, c.W2, c.RootBias, c.Eps, c.Rate, 0}
	if c.W1 >= 0.5 {
		s.lerp, s.fromGrad = c.W1-1, math.MaxUint32
	}
	if kernels() && len(theta) > 0 {
		adamWKernel(len(theta), &theta[0], &grad[0], &m[0], &v[0], &s.decay)
		return
	}
	s.updateGeneric(theta, grad, m, v)
}

func (c *adamWScalars) updateGeneric(theta, grad, m, v []float32) {
	for i, g := range grad {
		from := m[i]
		if c.fromGrad != 0 {
			from = g
		}
		m[i] = from + float32(c.lerp*(g-m[i]))
		v[i] = float32(v[i]*c.beta2) + float32(float32(c.w2*g)*g)
		denom := float32(float32(math.Sqrt(float64(v[i])))/c.rootBias) + c.eps
		theta[i] = float32(theta[i]*c.decay) + float32(float32(c.rate*m[i])/denom)
	}
}
