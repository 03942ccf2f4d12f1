package nn

import (
	"math"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
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
			xi := x.Row(i)
			var sq float64
			for _, v := range xi {
				sq += float64(v) * float64(v)
			}
			rstd[i] = float32(1 / math.Sqrt(sq/float64(x.Cols)+n.Eps))
			n.scale(y.Row(i), xi, rstd[i])
		}
	})
}

// Again repeats Forward with the rstd it left.
func (n *RMSNorm) Again(y, x tensor.Matrix, rstd []float32) {
	parallel.Range(x.Rows, rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			n.scale(y.Row(i), x.Row(i), rstd[i])
		}
	})
}

func (n *RMSNorm) scale(y, x []float32, r float32) {
	w := n.W[:len(x)]
	y = y[:len(x)]
	for j, v := range x {
		y[j] = w[j] * (v * r)
	}
}

// Backward adds to dx (N, D). With x̂ = x·rstd and g = dy ⊙ w:
//
//	dx += rstd · (g − x̂ · mean(g ⊙ x̂))
func (n *RMSNorm) Backward(dx, dy, x tensor.Matrix, rstd []float32) {
	parallel.Range(x.Rows, rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			xi, dyi, dxi := x.Row(i), dy.Row(i), dx.Row(i)
			var dot float64
			for j, v := range xi {
				dot += float64(v) * float64(dyi[j]*n.W[j])
			}
			r := rstd[i]
			mean := float32(dot * float64(r) / float64(len(xi)))
			for j, v := range xi {
				dxi[j] += float32(r * (float32(dyi[j]*n.W[j]) - float32(float32(v*r)*mean)))
			}
		}
	})
}
