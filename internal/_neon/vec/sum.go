package main

import . "github.com/stablelora/stablelora/internal/_neon/asm"

// sum holds the 16 float64 lanes of a sum, 2 to a register.
type sum [8]*Vec

func newSum() (s sum) {
	for i := range s {
		s[i] = Zero()
	}
	return s
}

// clear clears the elements of y that the block does not have.
func (b block) clear(y quad) quad {
	if !b.partial {
		return y
	}
	mask := b.present()
	return each(func(k int) *Vec { return AND(y[k], mask[k]) })
}

// widen emits the 16 elements of a block as float64.
func widen(y quad) (w [8]*Vec) {
	for k, v := range y {
		w[2*k], w[2*k+1] = FCVTL2D(v), FCVTL22D(v)
	}
	return w
}

// add emits s += y.
func (s *sum) add(y quad) {
	for i, w := range widen(y) {
		FADD2D(s[i], w)
	}
}

// addProduct emits s += x·y, with exact products.
func (s *sum) addProduct(x, y quad) {
	v := widen(y)
	for i, u := range widen(x) {
		FMLA2D(s[i], u, v[i])
	}
}

// ret joins the lanes as lanes.sum does and returns the sum.
func (s *sum) ret() {
	for h := 4; h > 0; h /= 2 {
		for i := range h {
			FADD2D(s[i], s[i+h])
		}
	}
	Op("FMOVD", FADDP2D(s[0]), Param("ret"))
}

func dot() {
	kernel("dot", "a, b *float32", "float64", "dotGeneric.")
	x, y := input("a"), input("b")
	s := newSum()
	elements(func(b block) { s.addProduct(b.load(x), b.load(y)) })
	s.ret()
	Return()
}

func rmsNormDot() {
	kernel("rmsNormDot", "x, dy, w *float32", "float64", "rmsNormDotGeneric.")
	x, dy, w := input("x"), input("dy"), input("w")
	s := newSum()
	elements(func(b block) { s.addProduct(b.load(x), mul(b.load(dy), b.load(w))) })
	s.ret()
	Return()
}

// maximum keeps 16 lanes, each of which an element replaces only if it is
// larger.
func maximum() {
	kernel("max", "x *float32", "float32", "maxGeneric.")
	x := input("x")
	m := each(func(int) *Vec { return DUP(minusInfinity()) })
	larger := func(m, y *Vec) { BIT(m, y, FCMGT(y, m)) }
	elements(func(b block) {
		y := b.load(x)
		if b.partial {
			none := DUP(minusInfinity())
			for k, mask := range b.present() {
				BIF(y[k], none, mask)
			}
		}
		for k := range y {
			larger(m[k], y[k])
		}
	})
	larger(m[0], m[2])
	larger(m[1], m[3])
	larger(m[0], m[1])
	larger(m[0], EXT(m[0], 8)) // the upper two lanes
	larger(m[0], DUP(m[0].Lane(1)))
	Op("FMOVS", m[0], Param("ret"))
	Return()
}
