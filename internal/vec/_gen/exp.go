package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// number is a float32 constant in all elements. Its bits are given to the
// assembler, which would take $(1) for the integer.
func number(name string, f float32) Mem { return vector(name, math.Float32bits(f)) }

// exp emits exp of package vec for a block; x is used up.
func exp(x pair) pair {
	magic := number("expMagic", 3<<22)
	c := []Mem{ // of r^6 down to r^2, then of r and 1
		vector("expC6", 0x3ab511e8), vector("expC5", 0x3c091d10), vector("expC4", 0x3d2aac79),
		vector("expC3", 0x3e2aaa49), vector("expC2", 0x3efffffe), number("one", 1), number("one", 1),
	}
	t := each(func(k int, d VecVirtual) { VMOVUPS(magic, d) })
	for k := range t {
		VFMADD231PS(number("expLog2e", 0x1.715476p+0), x[k], t[k])
	}
	n := each(func(k int, d VecVirtual) { VSUBPS(magic, t[k], d) })
	r := each(func(k int, d VecVirtual) { VMOVAPS(x[k], d) })
	for k := range r {
		VFMADD231PS(number("expLn2Hi", -0x1.62e43p-1), n[k], r[k])
	}
	for k := range r {
		VFMADD231PS(number("expLn2Lo", 0x1.05c61p-29), n[k], r[k])
	}
	p := each(func(k int, d VecVirtual) { VMOVUPS(c[0], d) })
	for _, ci := range c[1:] {
		for k := range p {
			VFMADD213PS(ci, r[k], p[k])
		}
	}
	for k := range p {
		VPSLLD(Imm(23), t[k], t[k])
		VPADDD(t[k], p[k], p[k])
	}
	for k := range p {
		out := YMM()
		VCMPPS(Imm(0x11), number("expLeast", -0x1.5d589ep+6), x[k], out) // x < least
		VANDNPS(p[k], out, p[k])
		VCMPPS(Imm(0x16), number("expLargest", 0x1.62e42ep+6), x[k], out) // not x <= largest
		VADDPS(vector("infinity", 0x7f800000), x[k], x[k])
		VBLENDVPS(out, x[k], p[k], p[k])
	}
	return p
}

func expKernels() {
	kernel("expScale", "x *float32, largest, f float32", "", "expScaleGeneric.")
	x, largest, f := pointer("x"), broadcast("largest"), broadcast("f")
	elements(func(b block) {
		y := exp(each(sub(b.load(x), largest)))
		b.store(mul(y, pair{f, f}), x)
	})
	end()

	kernel("sumExp", "x *float32, largest float32", " float64", "sumExpGeneric.")
	x, largest = pointer("x"), broadcast("largest")
	s := newSum()
	elements(func(b block) { s.add(b.present(exp(each(sub(b.load(x), largest))))) })
	s.ret()
	end()

	kernel("expSum", "x *float32, scale, largest float32", " float64", "expSumGeneric.")
	x, largest = pointer("x"), broadcast("largest")
	scale := broadcast("scale")
	s = newSum()
	elements(func(b block) {
		y := b.load(x)
		for k := range y {
			VMULPS(scale, y[k], y[k])
			VSUBPS(largest, y[k], y[k])
		}
		y = b.present(exp(y))
		b.store(y, x)
		s.add(y)
	})
	s.ret()
	end()
}

// sub is for each: x - y.
func sub(x pair, y VecVirtual) func(int, VecVirtual) {
	return func(k int, d VecVirtual) { VSUBPS(y, x[k], d) }
}

// sigmoid emits 1/(1 + e^-z).
func sigmoid(z pair) pair {
	e := exp(each(func(k int, d VecVirtual) { VXORPS(vector("signBit", 1<<31), z[k], d) }))
	one := YMM()
	VMOVUPS(number("one", 1), one)
	for k := range e {
		VADDPS(one, e[k], e[k])
		VDIVPS(e[k], one, e[k])
	}
	return e
}

func swiGLU() {
	kernel("swiGLU", "y, gate, up *float32", "", "swiGLUGeneric.")
	y, gate, up := pointer("y"), pointer("gate"), pointer("up")
	elements(func(b block) {
		z := b.load(gate)
		b.store(mul(mul(z, sigmoid(z)), b.load(up)), y)
	})
	end()
}

func swiGLUBackward() {
	kernel("swiGLUBackward", "dgate, dup, dy, gate, up *float32", "", "swiGLUBackwardGeneric.")
	dgate, dup, dy, gate, up := pointer("dgate"), pointer("dup"), pointer("dy"), pointer("gate"), pointer("up")
	elements(func(b block) {
		z := b.load(gate)
		s := sigmoid(z)
		d, one := b.load(dy), YMM()
		du := mul(d, b.load(up))
		b.store(mul(d, mul(z, s)), dup)
		VMOVUPS(number("one", 1), one)
		for k := range z {
			t := YMM()
			VSUBPS(s[k], one, t) // 1 - s
			VMULPS(t, z[k], z[k])
			VADDPS(one, z[k], z[k])
			VMULPS(z[k], s[k], s[k])
		}
		b.store(mul(du, s), dgate)
	})
	end()
}
