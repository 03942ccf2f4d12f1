package nn

import (
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
)

// SwiGLU computes y = silu(gate) ⊙ up, silu(z) = z·σ(z) (Shazeer 2020).
// All matrices are (N, F).
func SwiGLU(y, gate, up tensor.Matrix) {
	parallel.Range(y.Rows, rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			yi, g, u := y.Row(i), gate.Row(i), up.Row(i)
			for j, z := range g {
				yi[j] = float32(z*sigmoid(z)) * u[j]
			}
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
			dg, du, d, g, u := dgate.Row(i), dup.Row(i), dy.Row(i), gate.Row(i), up.Row(i)
			for j, z := range g {
				s := sigmoid(z)
				uj := u[j]
				du[j] = d[j] * float32(z*s)
				dg[j] = float32(d[j]*uj) * float32(s*(1+float32(z*(1-s))))
			}
		}
	})
}
