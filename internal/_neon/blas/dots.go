package main

import (
	"fmt"

	. "github.com/stablelora/stablelora/internal/_neon/asm"
)

// dots generates the kernel of blas.Dots for n rows of weights, a stream apart,
// and m rows of A: one fused multiply-add on each of the 16 lanes of n·m sums
// per block of 16 elements. Each stream goes on with the rows below, step bytes
// apart; what is that far `ahead` is prefetched.
func dots(f format, n, m int) {
	Func(fmt.Sprintf("dots%dx%d%sKernel", n, m, f.name),
		"steps, blocks int, w *"+f.goType+", stream, step, ahead uintptr, a *float32, lda uintptr, c *float32, cs, ldc uintptr, acc bool", "",
		fmt.Sprintf("%d·steps columns of %d rows of C over 16·blocks elements; see dots.multiplyKernel. Strides are in bytes.", n, m))
	const blockBytes = 4 * 16 // of A
	steps, row, stream, start, c := Load("steps"), Load("w"), Load("stream"), Load("a"), Load("c")
	lda, blocks, step := Load("lda"), NewReg(), NewReg()
	w, next, a := newRegs(n), newRegs(n), newRegs(m)
	sums := make([][4]*Vec, n*m) // n for each row of A
	for i := range sums {
		for q := range sums[i] {
			sums[i][q] = NewVec()
		}
	}
	block := func(b int) {
		for h := range 2 {
			y := make([][2]*Vec, n)
			for i := range y {
				y[i][0], y[i][1] = f.load(w[i], f.size*(16*b+8*h))
			}
			for j := range m {
				lo, hi := LoadPair(a[j], blockBytes*b+32*h)
				for i := range y {
					FMLA(sums[j*n+i][2*h], y[i][0], lo)
					FMLA(sums[j*n+i][2*h+1], y[i][1], hi)
				}
			}
		}
		if 16*b*f.size%64 == 0 { // a cache line begins
			for _, p := range next {
				Op("PRFM", Mem(p, 16*b*f.size), "PLDL1KEEP")
			}
		}
	}

	Label("group")
	apart(w, row, stream)
	Op("MOVD", Param("ahead"), next[0])
	Op("ADD", row, next[0], next[0])
	apart(next, next[0], stream)
	apart(a, start, lda)
	for _, s := range sums {
		for _, v := range s {
			Clear(v)
		}
	}
	Op("MOVD", Param("blocks"), blocks)
	Op("SUBS", 2, blocks, blocks)
	Branch("BLT", "rest")
	Label("loop")
	block(0)
	block(1)
	for _, p := range a {
		Op("ADD", 2*blockBytes, p, p)
	}
	for i := range w {
		Op("ADD", 2*16*f.size, w[i], w[i])
		Op("ADD", 2*16*f.size, next[i], next[i])
	}
	Op("SUBS", 2, blocks, blocks)
	Branch("BGE", "loop")
	Label("rest")
	Op("ADDS", 2, blocks, blocks)
	Branch("BEQ", "join")
	block(0)
	Label("join")
	store(sums, n, c)
	Op("MOVD", Param("step"), step)
	Op("ADD", step, row, row)
	Op("ADD", 4, c, c)
	Op("SUBS", 1, steps, steps)
	Branch("BNE", "group")
	Return()
}

func newRegs(n int) []Reg {
	r := make([]Reg, n)
	for i := range r {
		r[i] = NewReg()
	}
	return r
}

// apart points to rows a stride apart, the first one at p.
func apart(r []Reg, p, stride Reg) {
	if r[0] != p {
		Op("MOVD", p, r[0])
	}
	for i := 1; i < len(r); i++ {
		Op("ADD", stride, r[i-1], r[i])
	}
}

// store joins the lanes of each sum in halves and writes them to C: to rows of n
// columns a stream apart. It adds to what is there where acc is set.
func store(sums [][4]*Vec, n int, c Reg) {
	acc, cs, ldc, at, line := NewReg(), NewReg(), NewReg(), NewReg(), NewReg()
	Op("MOVBU", Param("acc"), acc)
	Op("MOVD", Param("cs"), cs)
	Op("MOVD", Param("ldc"), ldc)
	Op("MOVD", c, line)
	Op("MOVD", c, at)
	for k := 0; k < len(sums); k += 2 {
		one, two := joinTo4(sums[k]), joinTo4(sums[min(k+1, len(sums)-1)])
		t := FADD(ZIP12D(one, two), ZIP22D(one, two)) // 2 lanes of one, 2 of the other
		t = FADDP(t, t)
		for i := range min(2, len(sums)-k) {
			plain, r := fmt.Sprintf("plain%d", k+i), DUP(t.Lane(i))
			Branch("CBZ", acc, plain)
			old := NewVec()
			Op("FMOVS", Mem(at, 0), old)
			FADDTo(r, old)
			Label(plain)
			Op("FMOVS", r, Mem(at, 0))
			if (k+i+1)%n > 0 {
				Op("ADD", cs, at, at)
			} else {
				Op("ADD", ldc, line, line)
				Op("MOVD", line, at)
			}
		}
	}
}

// joinTo4 adds lanes 8 apart, then 4 apart.
func joinTo4(s [4]*Vec) *Vec { return FADD(FADD(s[0], s[2]), FADD(s[1], s[3])) }
