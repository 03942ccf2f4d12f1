package vec

import (
	"math"

	"github.com/stablelora/stablelora/internal/fma"
)

// exp is e^x = 2^n·e^r with n = x/ln 2 rounded to an integer and e^r a minimax
// polynomial, 1 + r + r²·(c2 + c3·r + … + c6·r⁴), of relative error 3e-9 for
// |r| ≤ ln 2/2. n·ln 2 is subtracted in two parts, the first without error. The
// error is below 0.9 units in the last place (all inputs have been checked);
// results below float32's normal range are 0.
func exp(x float32) float32 {
	const (
		log2e   = 0x1.715476p+0
		magic   = 3 << 22 // adding it rounds to an integer, in the low bits
		ln2Hi   = 0x1.62e43p-1
		ln2Lo   = -0x1.05c61p-29 // ln2Hi + ln2Lo is ln 2
		least   = -0x1.5d589ep+6 // e^least is just above 2^-126
		largest = 0x1.62e42ep+6  // e^largest is just below 2^128
	)
	switch {
	case x < least:
		return 0
	case !(x <= largest):
		return x + float32(math.Inf(1)) // NaN stays NaN
	}
	t := fma.F32(x, log2e, magic)
	n := t - magic
	r := fma.F32(n, -ln2Lo, fma.F32(n, -ln2Hi, x))
	p := float32(0x1.6a23dp-10)
	p = fma.F32(p, r, 0x1.123a2p-7)
	p = fma.F32(p, r, 0x1.5558f2p-5)
	p = fma.F32(p, r, 0x1.555492p-3)
	p = fma.F32(p, r, 0x1.fffffcp-2)
	p = fma.F32(p, r, 1)
	p = fma.F32(p, r, 1)
	return math.Float32frombits(math.Float32bits(p) + math.Float32bits(t)<<23)
}

// sigmoid is 1/(1 + e^-z).
func sigmoid(z float32) float32 { return 1 / (1 + exp(-z)) }

// SwiGLU writes silu(gate)·up to y, as (gate·σ)·up with σ = 1/(1 + e^-gate). y
// may be gate or up.
func SwiGLU(y, gate, up []float32) {
	mustMatch(len(y), len(gate))
	mustMatch(len(y), len(up))
	if kernels() && len(y) > 0 {
		swiGLUKernel(len(y), &y[0], &gate[0], &up[0])
		return
	}
	swiGLUGeneric(y, gate, up)
}

func swiGLUGeneric(y, gate, up []float32) {
	for i, z := range gate {
		y[i] = float32(z*sigmoid(z)) * up[i]
	}
}

// SwiGLUBackward writes the gradients of SwiGLU's inputs; dgate and dup may be
// any of the inputs.
//
//	dup   = dy·(gate·σ)
//	dgate = (dy·up)·(σ·(1 + gate·(1 − σ)))
func SwiGLUBackward(dgate, dup, dy, gate, up []float32) {
	mustMatch(len(dgate), len(dup))
	mustMatch(len(dgate), len(dy))
	mustMatch(len(dgate), len(gate))
	mustMatch(len(dgate), len(up))
	if kernels() && len(dgate) > 0 {
		swiGLUBackwardKernel(len(dgate), &dgate[0], &dup[0], &dy[0], &gate[0], &up[0])
		return
	}
	swiGLUBackwardGeneric(dgate, dup, dy, gate, up)
}

func swiGLUBackwardGeneric(dgate, dup, dy, gate, up []float32) {
	for i, z := range gate {
		s, d, u := sigmoid(z), dy[i], up[i]
		dup[i] = d * float32(z*s)
		dgate[i] = float32(d*u) * float32(s*(1+float32(z*(1-s))))
	}
}
