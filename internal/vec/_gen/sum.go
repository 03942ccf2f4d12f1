package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sum holds the 16 float64 lanes of a sum, 4 to a register.
type sum [4]VecVirtual

func newSum() sum {
	var s sum
	for i := range s {
		s[i] = YMM()
		VXORPD(s[i], s[i], s[i])
	}
	return s
}

// present clears the elements of y that the block does not have.
func (b block) present(y pair) pair {
	if b.masked {
		for k := range y {
			VANDPS(b.mask[k], y[k], y[k])
		}
	}
	return y
}

// widen emits the 16 elements of a block as float64; y is used up.
func widen(y pair) (w [4]VecVirtual) {
	for k := range y {
		w[2*k], w[2*k+1] = YMM(), y[k]
		VCVTPS2PD(y[k].AsX(), w[2*k])
		VEXTRACTF128(Imm(1), y[k], y[k].AsX())
		VCVTPS2PD(y[k].AsX(), y[k])
	}
	return w
}

// add emits s += y; y is used up.
func (s sum) add(y pair) {
	for i, w := range widen(y) {
		VADDPD(w, s[i], s[i])
	}
}

// ret joins the lanes as lanes.sum does and returns the sum.
func (s sum) ret() {
	VADDPD(s[2], s[0], s[0])
	VADDPD(s[3], s[1], s[1])
	VADDPD(s[1], s[0], s[0])
	x, y := s[0].AsX(), XMM()
	VEXTRACTF128(Imm(1), s[0], y)
	VADDPD(y, x, x)
	VUNPCKHPD(x, x, y)
	VADDSD(y, x, x)
	Store(x, ReturnIndex(0))
}

func dot() {
	kernel("dot", "a, b *float32", " float64", "dotGeneric.")
	x, y := pointer("a"), pointer("b")
	s := newSum()
	elements(func(b block) {
		u, v := widen(b.load(x)), widen(b.load(y))
		for i := range s {
			VFMADD231PD(u[i], v[i], s[i]) // the product is exact
		}
	})
	s.ret()
	end()
}

func rmsNormDot() {
	kernel("rmsNormDot", "x, dy, w *float32", " float64", "rmsNormDotGeneric.")
	x, dy, w := pointer("x"), pointer("dy"), pointer("w")
	s := newSum()
	elements(func(b block) {
		u, v := widen(b.load(x)), widen(mul(b.load(dy), b.load(w)))
		for i := range s {
			VFMADD231PD(u[i], v[i], s[i])
		}
	})
	s.ret()
	end()
}

// maximum keeps 16 lanes. VMAXPS returns its second source, here the lane's
// present value, where the first is not larger or is NaN.
func maximum() {
	kernel("max", "x *float32", " float32", "maxGeneric.")
	x := pointer("x")
	least := vector("minusInfinity", 0xff800000)
	m := each(func(k int, d VecVirtual) { VMOVUPS(least, d) })
	elements(func(b block) {
		y := b.load(x)
		for k := range y {
			if b.masked {
				none := YMM()
				VMOVUPS(least, none)
				VBLENDVPS(b.mask[k], y[k], none, y[k])
			}
			VMAXPS(m[k], y[k], m[k])
		}
	})
	VMAXPS(m[0], m[1], m[0])
	a, c := m[0].AsX(), XMM()
	VEXTRACTF128(Imm(1), m[0], c)
	VMAXPS(a, c, a)
	VMOVHLPS(a, a, c)
	VMAXPS(a, c, a)
	VMOVSHDUP(a, c)
	VMAXPS(a, c, a)
	Store(a, ReturnIndex(0))
	end()
}
