package main

import . "github.com/stablelora/stablelora/internal/_neon/asm"

func softmaxBackward() {
	kernel("softmaxBackward", "d, p *float32, rowSum, scale float32", "", "softmaxBackwardGeneric.")
	d, p, rowSum, scale := inout("d"), input("p"), Broadcast("rowSum"), Broadcast("scale")
	elements(func(b block) {
		b.store(mul(mul(b.load(p), sub(b.load(d), rowSum)), all(scale)), d)
	})
	Return()
}

func rmsNormScale() {
	kernel("rmsNormScale", "y, x, w *float32, rstd float32", "", "rmsNormScaleGeneric.")
	y, x, w, r := output("y"), input("x"), input("w"), Broadcast("rstd")
	elements(func(b block) { b.store(mul(b.load(w), mul(b.load(x), all(r))), y) })
	Return()
}

func rmsNormBackward() {
	kernel("rmsNormBackward", "dx, dy, x, w *float32, rstd, mean float32", "", "rmsNormBackwardGeneric.")
	dx, dy, x, w := inout("dx"), input("dy"), input("x"), input("w")
	r, mean := Broadcast("rstd"), Broadcast("mean")
	elements(func(b block) {
		u := mul(mul(b.load(x), all(r)), all(mean))
		g, old := mul(b.load(dy), b.load(w)), b.load(dx)
		b.store(each(func(k int) *Vec { return FADD(old[k], FMUL(r, FSUB(g[k], u[k]))) }), dx)
	})
	Return()
}

func add() {
	kernel("add", "dst, src *float32", "", "addGeneric.")
	dst, src := inout("dst"), input("src")
	elements(func(b block) {
		x, y := b.load(src), b.load(dst)
		b.store(each(func(k int) *Vec { return FADD(y[k], x[k]) }), dst)
	})
	Return()
}

func scale() {
	kernel("scale", "x *float32, f float32", "", "scaleGeneric.")
	x, f := inout("x"), Broadcast("f")
	elements(func(b block) { b.store(mul(b.load(x), all(f)), x) })
	Return()
}

func rotate() {
	kernel("rotate", "x1, x2, cos, sin *float32, sign float32", "", "rotateGeneric.")
	x1, x2, cos, sin, sign := inout("x1"), inout("x2"), input("cos"), input("sin"), Broadcast("sign")
	elements(func(b block) {
		x, y, c := b.load(x1), b.load(x2), b.load(cos)
		s := mul(b.load(sin), all(sign))
		xc, ys := mul(x, c), mul(y, s)
		b.store(each(func(k int) *Vec { return FSUB(xc[k], ys[k]) }), x1)
		yc, xs := mul(y, c), mul(x, s)
		b.store(each(func(k int) *Vec { return FADD(yc[k], xs[k]) }), x2)
	})
	Return()
}

func adamW() {
	kernel("adamW", "theta, grad, m, v *float32, c *float32", "", "adamWScalars.updateGeneric.")
	theta, grad, m, v, c := inout("theta"), input("grad"), inout("m"), inout("v"), Load("c")
	var scalar [8]*Vec // the fields of adamWScalars
	word := NewReg()
	for i := range scalar {
		Op("MOVWU", Mem(c, 4*i), word)
		scalar[i] = DUPReg(word)
	}
	decay, lerp, b2, w2, rootC2, eps, rate, fromGrad := scalar[0], scalar[1], scalar[2], scalar[3], scalar[4], scalar[5], scalar[6], scalar[7]
	elements(func(b block) {
		g, mean := b.load(grad), b.load(m)
		mean = each(func(k int) *Vec {
			diff := FMUL(lerp, FSUB(g[k], mean[k]))
			BIT(mean[k], g[k], fromGrad)
			return FADD(mean[k], diff)
		})
		b.store(mean, m)
		sq := b.load(v)
		sq = each(func(k int) *Vec { return FADD(FMUL(sq[k], b2), FMUL(FMUL(w2, g[k]), g[k])) })
		b.store(sq, v)
		th := b.load(theta)
		b.store(each(func(k int) *Vec {
			denom := FADD(FDIV(FSQRT(sq[k]), rootC2), eps)
			return FADD(FMUL(th[k], decay), FDIV(FMUL(rate, mean[k]), denom))
		}), theta)
	})
	Return()
}

// blocks emits body for n blocks of 8 elements: 32 bytes of float32 at wide and
// 16 bytes of a 16-bit format at narrow.
func blocks(wide, narrow Reg, body func()) {
	n := Load("n")
	Label("loop")
	body()
	Op("ADD", 32, wide, wide)
	Op("ADD", 16, narrow, narrow)
	Op("SUBS", 1, n, n)
	Branch("BNE", "loop")
	Return()
}

func widenWith(low, high func(*Vec) *Vec) {
	dst, src := Load("dst"), Load("src")
	blocks(dst, src, func() {
		h := NewVec()
		Op("FMOVQ", Mem(src, 0), h)
		Op("FMOVQ", low(h), Mem(dst, 0))
		Op("FMOVQ", high(h), Mem(dst, 16))
	})
}

func widenBF16() {
	kernel("widenBF16", "dst *float32, src *uint16", "", "dtype.FromBF16 of n blocks of 8 elements.")
	widenWith(SHLL, SHLL2)
}

func widenF16() {
	kernel("widenF16", "dst *float32, src *uint16", "", "dtype.FromF16 of n blocks of 8 elements.")
	widenWith(FCVTL, FCVTL2)
}

// roundWith emits the rounding of words after prepare.
func roundWith(prepare func(y *Vec) *Vec, low func(*Vec) *Vec, high func(d, n *Vec)) {
	dst, src := Load("dst"), Load("src")
	blocks(src, dst, func() {
		var y [2]*Vec
		for k := range y {
			y[k] = NewVec()
			Op("FMOVQ", Mem(src, 16*k), y[k])
			y[k] = prepare(y[k])
		}
		h := low(y[0])
		high(h, y[1])
		Op("FMOVQ", h, Mem(dst, 0))
	})
}

func roundBF16() {
	kernel("roundBF16", "dst *uint16, src *float32", "", "dtype.ToBF16 of n blocks of 8 elements.")
	roundWith(func(y *Vec) *Vec {
		tie := AND(USHR(y, 16), DUP(Word(1))) // the bit that decides a tie
		t := ADD(y, ADD(tie, DUP(Word(0x7fff))))
		BIF(t, ORR(y, DUP(Word(0x400000))), FCMEQ(y, y)) // NaN stays one
		return t
	}, SHRN, SHRN2)
}

func roundF16() {
	kernel("roundF16", "dst *uint16, src *float32", "", "dtype.ToF16 of n blocks of 8 elements.")
	roundWith(func(y *Vec) *Vec {
		nan := ORR(AND(y, DUP(Word(1<<31))), DUP(Word(0x7fc00000))) // of every NaN only the sign is kept
		t := MOV(y)
		BIF(t, nan, FCMEQ(y, y))
		return t
	}, FCVTN, FCVTN2)
}
