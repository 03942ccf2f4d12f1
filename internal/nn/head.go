package nn

import (
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
	"github.com/stablelora/stablelora/internal/vec"
)

// Head is the output projection, logits = x·Wᵀ with W (V, D), fused with what
// is wanted of the logits. They are computed for a chunk of rows at a time and
// never kept.
type Head struct{ W *tensor.Weight }

// logitFloats bounds the size of a chunk of logits: 80 MiB.
const logitFloats = 20 << 20

// LogitRows is the number of rows whose logits are held at a time, of so many in
// all: about the same in every chunk, since each chunk reads all of W.
func LogitRows(rows, vocab int) int {
	most := max(16, logitFloats/vocab)
	return ceilDiv(rows, max(1, ceilDiv(rows, most)))
}

// Logits writes y (N, V) from x (N, D).
func (h *Head) Logits(y, x tensor.Matrix) { tensor.MulT(y, x, h.W) }

// Loss writes the cross-entropy of each row, −log softmax(logits)[target], to
// losses (N), and its gradient times scale to dx (N, D):
//
//	dlogits = scale·(softmax(logits) − onehot(target))   dx = dlogits·W
//
// dx with no rows leaves the gradient out.
func (h *Head) Loss(dx, x tensor.Matrix, targets []int32, scale float64, losses []float64, a *tensor.Arena) {
	h.rows(x, a, func(lo, hi int, logits tensor.Matrix) {
		parallel.For(hi-lo, func(i int) {
			row, target := logits.Row(i), targets[lo+i]
			largest, sum := vec.LogSumExp(row)
			losses[lo+i] = -logProbability(row[target], largest, sum)
			if dx.Rows == 0 {
				return
			}
			vec.ExpScale(row, largest, float32(scale/sum))
			row[target] -= float32(scale)
		})
		if dx.Rows > 0 {
			tensor.Mul(dx.RowRange(lo, hi), logits, h.W, false)
		}
	})
}

// Score writes the log-probability of each target to logp and whether it has the
// largest logit (the first one where several are equal) to best. Target j is asked
// of row of[j] of x, which do not decrease; without of, of row j.
func (h *Head) Score(x tensor.Matrix, of []int, targets []int32, logp []float64, best []bool, a *tensor.Arena) {
	first := make([]int, x.Rows+1) // target of each row
	for i := range first {
		first[i] = i
		if of != nil {
			first[i], _ = slices.BinarySearch(of, i)
		}
	}
	h.rows(x, a, func(lo, hi int, logits tensor.Matrix) {
		parallel.For(hi-lo, func(i int) {
			row := logits.Row(i)
			largest, sum := vec.LogSumExp(row)
			for j := first[lo+i]; j < first[lo+i+1]; j++ {
				target := targets[j]
				logp[j] = logProbability(row[target], largest, sum)
				best[j] = row[target] == largest && !slices.Contains(row[:target], largest)
			}
		})
	})
}

// rows computes the logits of x chunk by chunk.
func (h *Head) rows(x tensor.Matrix, a *tensor.Arena, use func(lo, hi int, logits tensor.Matrix)) {
	m := a.Mark()
	defer a.Release(m)
	size := LogitRows(x.Rows, h.W.Rows)
	logits := a.Alloc(size, h.W.Rows)
	for lo := 0; lo < x.Rows; lo += size {
		hi := min(lo+size, x.Rows)
		part := logits.RowRange(0, hi-lo)
		h.Logits(part, x.RowRange(lo, hi))
		use(lo, hi, part)
	}
}

// logProbability is the logarithm of a logit's softmax.
func logProbability(logit, largest float32, sum float64) float64 {
	return float64(logit) - float64(largest) - math.Log(sum)
}

// ArgMax returns the index of the largest element, the first one where several
// are equal.
func ArgMax(x []float32) int32 {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return int32(best)
}
