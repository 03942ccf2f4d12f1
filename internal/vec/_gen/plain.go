package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func softmaxBackward() {
	kernel("softmaxBackward", "d, p *float32, rowSum, scale float32", "", "softmaxBackwardGeneric.")
	d, p, rowSum, scale := pointer("d"), pointer("p"), broadcast("rowSum"), broadcast("scale")
	elements(func(b block) {
		b.store(mul(mul(b.load(p), each(sub(b.load(d), rowSum))), pair{scale, scale}), d)
	})
	end()
}

func rmsNormScale() {
	kernel("rmsNormScale", "y, x, w *float32, rstd float32", "", "rmsNormScaleGeneric.")
	y, x, w, r := pointer("y"), pointer("x"), pointer("w"), broadcast("rstd")
	elements(func(b block) { b.store(mul(b.load(w), mul(b.load(x), pair{r, r})), y) })
	end()
}

func rmsNormBackward() {
	kernel("rmsNormBackward", "dx, dy, x, w *float32, rstd, mean float32", "", "rmsNormBackwardGeneric.")
	dx, dy, x, w := pointer("dx"), pointer("dy"), pointer("x"), pointer("w")
	r, mean := broadcast("rstd"), broadcast("mean")
	elements(func(b block) {
		u := mul(mul(b.load(x), pair{r, r}), pair{mean, mean})
		g, old := mul(b.load(dy), b.load(w)), b.load(dx)
		for k := range u {
			VSUBPS(u[k], g[k], u[k])
			VMULPS(u[k], r, u[k])
			VADDPS(u[k], old[k], u[k])
		}
		b.store(u, dx)
	})
	end()
}

func add() {
	kernel("add", "dst, src *float32", "", "addGeneric.")
	dst, src := pointer("dst"), pointer("src")
	elements(func(b block) {
		x, y := b.load(src), b.load(dst)
		b.store(each(func(k int, d VecVirtual) { VADDPS(x[k], y[k], d) }), dst)
	})
	end()
}

func scale() {
	kernel("scale", "x *float32, f float32", "", "scaleGeneric.")
	x, f := pointer("x"), broadcast("f")
	elements(func(b block) { b.store(mul(b.load(x), pair{f, f}), x) })
	end()
}

func rotate() {
	kernel("rotate", "x1, x2, cos, sin *float32, sign float32", "", "rotateGeneric.")
	x1, x2, cos, sin, sign := pointer("x1"), pointer("x2"), pointer("cos"), pointer("sin"), broadcast("sign")
	elements(func(b block) {
		x, y, c := b.load(x1), b.load(x2), b.load(cos)
		s := mul(b.load(sin), pair{sign, sign})
		xc, ys := mul(x, c), mul(y, s)
		b.store(each(func(k int, d VecVirtual) { VSUBPS(ys[k], xc[k], d) }), x1)
		yc, xs := mul(y, c), mul(x, s)
		b.store(each(func(k int, d VecVirtual) { VADDPS(xs[k], yc[k], d) }), x2)
	})
	end()
}

func adamW() {
	kernel("adamW", "theta, grad, m, v *float32, c *float32", "", "adamWScalars.updateGeneric.")
	theta, grad, m, v, c := pointer("theta"), pointer("grad"), pointer("m"), pointer("v"), pointer("c")
	scalar := func(i int) VecVirtual { // field number i of adamWScalars
		y := YMM()
		VBROADCASTSS(Mem{Base: c, Disp: 4 * i}, y)
		return y
	}
	elements(func(b block) {
		g, mean, sq, th := b.load(grad), b.load(m), b.load(v), b.load(theta)
		lerp, fromGrad := scalar(1), scalar(7)
		for k := range g {
			diff := YMM()
			VSUBPS(mean[k], g[k], diff)
			VMULPS(diff, lerp, diff)
			VBLENDVPS(fromGrad, g[k], mean[k], mean[k])
			VADDPS(diff, mean[k], mean[k])
		}
		b.store(mean, m)
		b2, w2 := scalar(2), scalar(3)
		for k := range g {
			t := YMM()
			VMULPS(g[k], w2, t)
			VMULPS(g[k], t, g[k])
			VMULPS(b2, sq[k], sq[k])
			VADDPS(g[k], sq[k], sq[k])
		}
		b.store(sq, v)
		decay, rootC2, eps, rate := scalar(0), scalar(4), scalar(5), scalar(6)
		for k := range g {
			VSQRTPS(sq[k], sq[k])
			VDIVPS(rootC2, sq[k], sq[k])
			VADDPS(eps, sq[k], sq[k])
			VMULPS(rate, mean[k], mean[k])
			VDIVPS(sq[k], mean[k], mean[k])
			VMULPS(decay, th[k], th[k])
			VADDPS(mean[k], th[k], th[k])
		}
		b.store(th, theta)
	})
	end()
}

// blocks emits body for n blocks of 8 elements: 32 bytes of float32 at wide and
// 16 bytes of a 16-bit format at narrow.
func blocks(wide, narrow Register, body func(y VecVirtual, wide, narrow Mem)) {
	n := Load(Param("n"), GP64())
	Label("loop")
	body(YMM(), Mem{Base: wide}, Mem{Base: narrow})
	ADDQ(Imm(32), wide)
	ADDQ(Imm(16), narrow)
	DECQ(n)
	JNZ(LabelRef("loop"))
	end()
}

func widenBF16() {
	kernel("widenBF16", "dst *float32, src *uint16", "", "dtype.FromBF16 of n blocks of 8 elements.")
	blocks(pointer("dst"), pointer("src"), func(y VecVirtual, dst, src Mem) {
		VPMOVZXWD(src, y)
		VPSLLD(Imm(16), y, y)
		VMOVUPS(y, dst)
	})
}

func widenF16() {
	kernel("widenF16", "dst *float32, src *uint16", "", "dtype.FromF16 of n blocks of 8 elements.")
	blocks(pointer("dst"), pointer("src"), func(y VecVirtual, dst, src Mem) {
		VCVTPH2PS(src, y)
		VMOVUPS(y, dst)
	})
}

func roundBF16() {
	kernel("roundBF16", "dst *uint16, src *float32", "", "dtype.ToBF16 of n blocks of 8 elements.")
	blocks(pointer("src"), pointer("dst"), func(y VecVirtual, src, dst Mem) {
		nan, t := YMM(), YMM()
		VMOVUPS(src, y)
		VCMPPS(Imm(3), y, y, nan)
		VPSRLD(Imm(16), y, t) // the bit that decides a tie
		VPAND(vector("lowBit", 1), t, t)
		VPADDD(vector("belowHalf", 0x7fff), t, t)
		VPADDD(t, y, t)
		VPOR(vector("quiet", 0x400000), y, y)
		VBLENDVPS(nan, y, t, t)
		VPSRLD(Imm(16), t, t)
		narrow(t, dst)
	})
}

// narrow emits the store of the low halves of 8 words.
func narrow(y VecVirtual, dst Mem) {
	high := XMM()
	VEXTRACTI128(Imm(1), y, high)
	VPACKUSDW(high, y.AsX(), high)
	VMOVUPS(high, dst)
}

func roundF16() {
	kernel("roundF16", "dst *uint16, src *float32", "", "dtype.ToF16 of n blocks of 8 elements.")
	blocks(pointer("src"), pointer("dst"), func(y VecVirtual, src, dst Mem) {
		nan, t := YMM(), YMM()
		VMOVUPS(src, y)
		VCMPPS(Imm(3), y, y, nan)
		VPAND(vector("signBit", 1<<31), y, t)
		VPOR(vector("plainNaN", 0x7fc00000), t, t) // of every NaN only the sign is kept
		VBLENDVPS(nan, t, y, y)
		VCVTPS2PH(Imm(0), y, dst)
	})
}
