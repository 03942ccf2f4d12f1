package main

import (
	"math"

	. "github.com/stablelora/stablelora/internal/_neon/asm"
)

// exp emits exp of package vec for a block.
func exp(x quad) quad {
	t := each(func(int) *Vec { return DUP(Number(3 << 22)) })
	for k := range t {
		FMLALane(t[k], x[k], Number(0x1.715476p+0))
	}
	magic := DUP(Number(3 << 22))
	n := each(func(k int) *Vec { return FSUB(t[k], magic) })
	r := each(func(k int) *Vec { return MOV(x[k]) })
	for k := range r {
		FMLALane(r[k], n[k], Number(-0x1.62e43p-1))
	}
	for k := range r {
		FMLALane(r[k], n[k], Number(0x1.05c61p-29))
	}
	p := each(func(int) *Vec { return DUP(Number(0x1.123a2p-7)) })
	for k := range p {
		FMLALane(p[k], r[k], Number(0x1.6a23dp-10))
	}
	for _, c := range []float32{0x1.5558f2p-5, 0x1.555492p-3, 0x1.fffffcp-2, 1, 1} {
		p = each(func(k int) *Vec {
			q := DUP(Number(c))
			FMLA(q, p[k], r[k])
			return q
		})
	}
	p = each(func(k int) *Vec { return ADD(p[k], SHL(t[k], 23)) })
	least, largest, infinity := DUP(Number(-0x1.5d589ep+6)), DUP(Number(0x1.62e42ep+6)), DUP(Word(0x7f800000))
	for k := range p {
		p[k] = BIC(p[k], FCMGT(least, x[k]))
		BIF(p[k], FADD(x[k], infinity), FCMGE(largest, x[k])) // where not x <= largest
	}
	return p
}

func expKernels() {
	kernel("expScale", "x *float32, largest, f float32", "", "expScaleGeneric.")
	x, largest, f := inout("x"), Broadcast("largest"), Broadcast("f")
	elements(func(b block) { b.store(mul(exp(sub(b.load(x), largest)), all(f)), x) })
	Return()

	kernel("sumExp", "x *float32, largest float32", "float64", "sumExpGeneric.")
	x, largest = input("x"), Broadcast("largest")
	s := newSum()
	elements(func(b block) { s.add(b.clear(exp(sub(b.load(x), largest)))) })
	s.ret()
	Return()

	kernel("expSum", "x *float32, scale, largest float32", "float64", "expSumGeneric.")
	x, largest = inout("x"), Broadcast("largest")
	scale := Broadcast("scale")
	s = newSum()
	elements(func(b block) {
		y := b.clear(exp(sub(mul(b.load(x), all(scale)), largest)))
		b.store(y, x)
		s.add(y)
	})
	s.ret()
	Return()
}

func sub(x quad, y *Vec) quad { return each(func(k int) *Vec { return FSUB(x[k], y) }) }

// sigmoid emits 1/(1 + e^-z).
func sigmoid(z quad) quad {
	e := exp(each(func(k int) *Vec { return FNEG(z[k]) }))
	one := DUP(Number(1))
	return each(func(k int) *Vec { return FDIV(one, FADD(e[k], one)) })
}

func swiGLU() {
	kernel("swiGLU", "y, gate, up *float32", "", "swiGLUGeneric.")
	y, gate, up := output("y"), input("gate"), input("up")
	elements(func(b block) {
		z := b.load(gate)
		b.store(mul(mul(z, sigmoid(z)), b.load(up)), y)
	})
	Return()
}

func swiGLUBackward() {
	kernel("swiGLUBackward", "dgate, dup, dy, gate, up *float32", "", "swiGLUBackwardGeneric.")
	dgate, dup, dy, gate, up := output("dgate"), output("dup"), input("dy"), input("gate"), input("up")
	elements(func(b block) {
		z := b.load(gate)
		s := sigmoid(z)
		d := b.load(dy)
		du := mul(d, b.load(up))
		b.store(mul(d, mul(z, s)), dup)
		one := DUP(Number(1))
		b.store(each(func(k int) *Vec {
			t := FADD(FMUL(z[k], FSUB(one, s[k])), one)
			return FMUL(du[k], FMUL(s[k], t))
		}), dgate)
	})
	Return()
}

// minusInfinity is below every element.
func minusInfinity() Lane { return Number(float32(math.Inf(-1))) }
