package nn

import (
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Embed writes the rows of the frozen table w (V, D) that tokens name to x
// (N, D).
func Embed(x tensor.Matrix, tokens []int32, w *tensor.Weight) {
	parallel.Range(len(tokens), rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			w.Row(int(tokens[i]), x.Row(i))
		}
	})
}
