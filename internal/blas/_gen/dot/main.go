// Command dot writes the AVX2 kernels of blas.Dots; run it by `go generate` in
// package blas.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// format is a stored number format: load widens 8 elements to float32.
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
		dots(f, 4, 1)
		dots(f, 2, 2)
		dots(f, 2, 3)
	}
	Generate()
}

// pair holds the 16 lanes of a sum.
type pair [2]VecVirtual

// dots generates the kernel for n rows of weights, a stream apart, and m rows of
// A: one fused multiply-add on each lane of n·m sums per block of 16 elements.
// Each stream goes on with the rows below, step bytes apart, as memory is read
// best; what is that far `ahead` is prefetched.
func dots(f format, n, m int) {
	name := fmt.Sprintf("dots%dx%d%sKernel", n, m, f.name)
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

	var sums []pair // n for each row of A
	for range n * m {
		sums = append(sums, pair{YMM(), YMM()})
	}
	x, y := YMM(), [2]VecVirtual{YMM(), YMM()}
	block := func(b int) {
		for h := range 2 {
			for i := 0; i < n; i += 2 {
				for k := range y {
					f.load(w.at(i+k, f.size*(16*b+8*h)), y[k])
				}
				for j := range m {
					if i == 0 {
						VMOVUPS(a.at(j, blockBytes*b+32*h), x)
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
		VXORPS(s[0], s[0], s[0])
		VXORPS(s[1], s[1], s[1])
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
	store(sums, n, m, c)
	step := GP64()
	Load(Param("step"), step)
	ADDQ(step, row)
	ADDQ(Imm(4), c)
	DECQ(steps)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// store joins the lanes of each sum in halves and writes them to C: to m rows,
// columns a stream apart. It adds to what is there where acc is set.
func store(sums []pair, n, m int, c Register) {
	acc := Load(Param("acc"), GP8())
	TESTB(acc, acc)
	cs, ldc, at, line := Load(Param("cs"), GP64()), Load(Param("ldc"), GP64()), GP64(), GP64()
	MOVQ(c, line)
	MOVQ(c, at)
	for k := 0; k < len(sums); k += 4 {
		var s [4]VecVirtual
		for i := range s {
			p := sums[min(k+i, len(sums)-1)] // a sum that is not there is another one
			s[i] = p[0]
			if k+i < len(sums) {
				VADDPS(p[1], p[0], p[0])
			}
		}
		join(s)
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

// join adds the 8 lanes of each of four sums in halves; s[0] then begins with
// the four results.
func join(s [4]VecVirtual) {
	t := YMM()
	// 4 lanes of sums 0 | 2, then of 1 | 3
	for i := range 2 {
		VPERM2F128(Imm(0x31), s[i+2], s[i], t)
		VPERM2F128(Imm(0x20), s[i+2], s[i], s[i])
		VADDPS(t, s[i], s[i])
	}
	// 2 lanes of 0, 1 | 2, 3
	VUNPCKHPD(s[1], s[0], t)
	VUNPCKLPD(s[1], s[0], s[0])
	VADDPS(t, s[0], s[0])
	lo, hi, odd := s[0].AsX(), t.AsX(), s[1].AsX()
	VEXTRACTF128(Imm(1), s[0], hi)
	VSHUFPS(Imm(0xdd), hi, lo, odd)
	VSHUFPS(Imm(0x88), hi, lo, lo)
	VADDPS(odd, lo, lo)
}

// rows addresses up to four rows a fixed number of bytes apart with two
// pointers, to rows 0 and 3.
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
	if len(r.base) > 1 {
		LEAQ(Mem{Base: p, Index: r.stride, Scale: 2}, r.base[1])
		ADDQ(r.stride, r.base[1])
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
