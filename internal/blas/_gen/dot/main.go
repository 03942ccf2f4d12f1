// Command dot writes the amd64 kernels of blas.Dots; run it by `go generate` in
// package blas.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// format is a stored number format: load widens the elements of a register to
// float32.
type format struct {
	name, goType string
	size         int
	load         func(m Mem, y VecVirtual)
}

var formats = []format{
	{"F32", "float32", 4, func(m Mem, y VecVirtual) { VMOVUPS(m, y) }},
	{"BF16", "uint16", 2, func(m Mem, y VecVirtual) { VPMOVZXWD(m, y); VPSLLD(Imm(16), y, y) }},
	{"F16", "uint16", 2, func(m Mem, y VecVirtual) { VCVTPH2PS(m, y) }},
}

func main() {
	ConstraintExpr("!noasm")
	for _, f := range formats {
		dots(f, narrow, 4, 1)
		dots(f, narrow, 2, 2)
		dots(f, narrow, 2, 3)
		for m := 2; m <= wideRows; m++ {
			dots(f, wide, min(4, wideSums/m), m)
		}
	}
	Generate()
}

// What the AVX-512 kernels take at most: rows of A, and sums, which leave room
// for a row of A and those of weights. Package blas has the same numbers.
const (
	wideRows = 12
	wideSums = 27
)

// width is the registers that kernels use.
type width struct {
	suffix  string
	lanes   int // of a register
	weights int // rows of weights that are in registers at a time
	vector  func() VecVirtual
	join    func(s [4]VecVirtual)
}

var (
	narrow = width{"Kernel", 8, 2, YMM, joinNarrow}
	wide   = width{"AVX512", 16, 4, ZMM, joinWide}
)

// sum holds the 16 lanes of a sum in one register or two.
type sum []VecVirtual

// dots generates the kernel for n rows of weights, a stream apart, and m rows of
// A: one fused multiply-add on each lane of n·m sums per block of 16 elements.
// Each stream goes on with the rows below, step bytes apart, as memory is read
// best; what is that far `ahead` is prefetched.
func dots(f format, wd width, n, m int) {
	name := fmt.Sprintf("dots%dx%d%s%s", n, m, f.name, wd.suffix)
	TEXT(name, NOSPLIT, "func(steps, blocks int, w *"+f.goType+", stream, step, ahead uintptr, a *float32, lda uintptr, c *float32, cs, ldc uintptr, acc bool)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s computes %d·steps columns of %d rows of C over 16·blocks elements; see dots.multiplyKernel. Strides are in bytes.", name, n, m))
	const blockBytes = 4 * 16 // of A
	steps, blocks := Load(Param("steps"), GP64()), GP64()
	row, start := Load(Param("w"), GP64()), Load(Param("a"), GP64()) // the first stream's row; A
	w, next := newRows(n, Load(Param("stream"), GP64())), newRows(n, nil)
	next.stride = w.stride
	a := newRows(m, Load(Param("lda"), GP64()))
	c := Load(Param("c"), GP64())

	sums := make([]sum, n*m) // n for each row of A
	for i := range sums {
		for range 16 / wd.lanes {
			sums[i] = append(sums[i], wd.vector())
		}
	}
	x, y := wd.vector(), make([]VecVirtual, min(n, wd.weights))
	for i := range y {
		y[i] = wd.vector()
	}
	block := func(b int) {
		for h := range 16 / wd.lanes {
			for i := 0; i < n; i += len(y) {
				for k := range y {
					f.load(w.at(i+k, f.size*(16*b+wd.lanes*h)), y[k])
				}
				for j := range m {
					if i == 0 {
						VMOVUPS(a.at(j, blockBytes*b+4*wd.lanes*h), x)
					}
					for k := range y {
						VFMADD231PS(x, y[k], sums[j*n+i+k][h])
					}
				}
			}
		}
		if 16*b*f.size%64 == 0 { // a cache line begins
			for i := range n {
				PREFETCHT0(next.at(i, 16*b*f.size))
			}
		}
	}
	advance := func(by int) {
		a.advance(by * blockBytes)
		w.advance(by * 16 * f.size)
		next.advance(by * 16 * f.size)
	}

	Label("group")
	w.set(row)
	ahead := GP64()
	Load(Param("ahead"), ahead)
	ADDQ(row, ahead)
	next.set(ahead)
	a.set(start)
	for _, s := range sums {
		for _, r := range s {
			VXORPS(r, r, r)
		}
	}
	Load(Param("blocks"), blocks)
	SUBQ(Imm(2), blocks)
	JLT(LabelRef("rest"))
	Label("loop")
	block(0)
	block(1)
	advance(2)
	SUBQ(Imm(2), blocks)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(2), blocks)
	JZ(LabelRef("join"))
	block(0)
	Label("join")
	store(sums, wd, n, c)
	step := GP64()
	Load(Param("step"), step)
	ADDQ(step, row)
	ADDQ(Imm(4), c)
	DECQ(steps)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// store joins the lanes of each sum in halves and writes them to C, n to a row,
// columns a stream apart. It adds to what is there where acc is set.
func store(sums []sum, wd width, n int, c Register) {
	acc := Load(Param("acc"), GP8())
	TESTB(acc, acc)
	cs, ldc, at, line := Load(Param("cs"), GP64()), Load(Param("ldc"), GP64()), GP64(), GP64()
	MOVQ(c, line)
	MOVQ(c, at)
	for k := 0; k < len(sums); k += 4 {
		var s [4]VecVirtual
		for i := range s {
			p := sums[(k+i)%len(sums)] // instead of a sum that is not there, one that is done
			s[i] = p[0]
			if wd.lanes == 8 && k+i < len(sums) {
				VADDPS(p[1], p[0], p[0])
			}
		}
		wd.join(s)
		for i := range min(4, len(sums)-k) {
			plain := fmt.Sprintf("plain%d", k+i)
			r := s[0].AsX()
			JZ(LabelRef(plain))
			VADDSS(Mem{Base: at}, r, r)
			Label(plain)
			VMOVSS(r, Mem{Base: at})
			VPSRLDQ(Imm(4), r, r)
			if (k+i+1)%n > 0 {
				LEAQ(Mem{Base: at, Index: cs, Scale: 1}, at)
			} else {
				LEAQ(Mem{Base: line, Index: ldc, Scale: 1}, line) // which leaves the flags
				MOVQ(line, at)
			}
		}
	}
}

// joinNarrow adds the 8 lanes of each of four sums in halves; s[0] then begins
// with the four results.
func joinNarrow(s [4]VecVirtual) {
	t := YMM()
	// 4 lanes of sums 0 | 2, then of 1 | 3
	for i := range 2 {
		VPERM2F128(Imm(0x31), s[i+2], s[i], t)
		VPERM2F128(Imm(0x20), s[i+2], s[i], s[i])
		VADDPS(t, s[i], s[i])
	}
	joinQuarters(s[0], s[1], t, func(y, upper VecVirtual) { VEXTRACTF128(Imm(1), y, upper) })
}

// joinWide is joinNarrow for sums of 16 lanes.
func joinWide(s [4]VecVirtual) {
	t := ZMM()
	// 8 lanes of sums 0 | 2, then of 1 | 3
	for i := range 2 {
		VSHUFF64X2(Imm(0xee), s[i+2], s[i], t)
		VSHUFF64X2(Imm(0x44), s[i+2], s[i], s[i])
		VADDPS(t, s[i], s[i])
	}
	// 4 lanes of 0 | 2 | 1 | 3
	VSHUFF64X2(Imm(0xdd), s[1], s[0], t)
	VSHUFF64X2(Imm(0x88), s[1], s[0], s[0])
	VADDPS(t, s[0], s[0])
	VEXTRACTF64X4(Imm(1), s[0], s[1].AsY())
	joinQuarters(s[0].AsY().(VecVirtual), s[1].AsY().(VecVirtual), t.AsY().(VecVirtual),
		func(y, upper VecVirtual) { VEXTRACTF64X2(Imm(1), y, upper) }) // VEXTRACTF128 knows 16 registers only
}

// joinQuarters adds 4 lanes of sums 0 | 2 in a and 1 | 3 in b.
func joinQuarters(a, b, t VecVirtual, extract func(y, upper VecVirtual)) {
	// 2 lanes of 0, 1 | 2, 3
	VUNPCKHPD(b, a, t)
	VUNPCKLPD(b, a, a)
	VADDPS(t, a, a)
	lo, hi, odd := a.AsX(), t.AsX(), b.AsX()
	extract(a, hi.(VecVirtual))
	VSHUFPS(Imm(0xdd), hi, lo, odd)
	VSHUFPS(Imm(0x88), hi, lo, lo)
	VADDPS(odd, lo, lo)
}

// rows addresses rows a fixed number of bytes apart with a pointer to every third
// of them.
type rows struct {
	base   []Register
	stride Register
}

func newRows(n int, stride Register) rows {
	r := rows{stride: stride}
	for i := 0; i < n; i += 3 {
		r.base = append(r.base, GP64())
	}
	return r
}

// set moves to the rows that begin with the one at p.
func (r rows) set(p Register) {
	if r.base[0] != p {
		MOVQ(p, r.base[0])
	}
	for i := 1; i < len(r.base); i++ {
		LEAQ(Mem{Base: r.base[i-1], Index: r.stride, Scale: 2}, r.base[i])
		ADDQ(r.stride, r.base[i])
	}
}

func (r rows) at(i, disp int) Mem {
	m := Mem{Base: r.base[i/3], Disp: disp}
	if i%3 > 0 {
		m.Index, m.Scale = r.stride, uint8(i%3)
	}
	return m
}

func (r rows) advance(bytes int) {
	for _, b := range r.base {
		ADDQ(U32(bytes), b)
	}
}
