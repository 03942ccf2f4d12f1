package nn

import (
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
	"github.com/stablelora/stablelora/internal/vec"
)

// RMSNorm computes y = w ⊙ x·rstd, rstd = 1/√(mean(x²) + eps)
// (Zhang and Sennrich 2019). The weight is frozen.
type RMSNorm struct {
	W   []float32 // (D)
	Eps float64
}

// rowGrain is how many rows a worker takes at a time in element-wise layers.
const rowGrain = 16

// Forward writes y (N, D) from x (N, D); rstd (N) is kept for the backward pass.
func (n *RMSNorm) Forward(y, x tensor.Matrix, rstd []float32) {
	parallel.Range(x.Rows, rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			rstd[i] = vec.RMSNorm(y.Row(i), x.Row(i), n.W, n.Eps)
		}
	})
}

// Again repeats Forward with the rstd it left.
func (n *RMSNorm) Again(y, x tensor.Matrix, rstd []float32) {
	parallel.Range(x.Rows, rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			vec.RMSNormScale(y.Row(i), x.Row(i), n.W, rstd[i])
		}
	})
}

// Backward adds to dx (N, D). With x̂ = x·rstd and g = dy ⊙ w:
//
//	dx += rstd · (g − x̂ · mean(g ⊙ x̂))
func (n *RMSNorm) Backward(dx, dy, x tensor.Matrix, rstd []float32) {
	parallel.Range(x.Rows, rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			vec.RMSNormBackward(dx.Row(i), dy.Row(i), x.Row(i), n.W, rstd[i])
		}
	})
}
