package optim

import (
	"math"

	"github.com/stablelora/stablelora/internal/tensor"
)

// ClipGlobalNorm returns the norm of all gradients together and scales them, as
// torch.nn.utils.clip_grad_norm_ does, by maxNorm/(norm + 1e-6) when that is
// below 1; maxNorm 0 only measures. The norm is not finite exactly when some
// gradient is not; the gradients are then left alone, for the caller to stop.
func ClipGlobalNorm(pairs []Pair, maxNorm float64) float64 {
	var sum float64
	for _, p := range pairs {
		sum += tensor.SumSquares(p.A.Grad)
		sum += tensor.SumSquares(p.B.Grad)
	}
	norm := math.Sqrt(sum)
	coef := maxNorm / (norm + 1e-6)
	if maxNorm == 0 || coef >= 1 || math.IsInf(norm, 0) || math.IsNaN(norm) {
		return norm
	}
	for _, p := range pairs {
		p.A.Grad.Scale(float32(coef))
		p.B.Grad.Scale(float32(coef))
	}
	return norm
}

// FrobeniusNorm returns the root of the sum of squares, added in float64 row by
// row.
func FrobeniusNorm(m tensor.Matrix) float64 { return math.Sqrt(tensor.SumSquares(m)) }
