package nn

import (
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
	"github.com/stablelora/stablelora/internal/vec"
)

// SwiGLU computes y = silu(gate) ⊙ up, silu(z) = z·σ(z) (Shazeer 2020).
// All matrices are (N, F).
func SwiGLU(y, gate, up tensor.Matrix) {
	parallel.Range(y.Rows, rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			vec.SwiGLU(y.Row(i), gate.Row(i), up.Row(i))
		}
	})
}

// SwiGLUBackward writes dgate and dup from dy, all (N, F). dgate may be gate and
// dup may be up.
//
//	dup   = dy ⊙ silu(gate)
//	dgate = dy ⊙ up ⊙ σ(gate)·(1 + gate·(1 − σ(gate)))
func SwiGLUBackward(dgate, dup, dy, gate, up tensor.Matrix) {
	parallel.Range(dy.Rows, rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			vec.SwiGLUBackward(dgate.Row(i), dup.Row(i), dy.Row(i), gate.Row(i), up.Row(i))
		}
	})
}
