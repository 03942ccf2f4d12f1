package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Bits of MXCSR.
const (
	denormalsAreZero = 1 << 6
	flushToZero      = 1 << 15
)

// panels generates the kernel for a packed panel of `rows` rows of A and n panels of
// B, which follow one another: the accumulators are those of tile, with one
// multiply-add for each word of the panels. Words are taken by twos, each from an
// address of its own, so that either can be the first.
func panels(rows int, w word) {
	name := fmt.Sprintf("%s%dAVX512", map[word]string{number: "panels", pair: "pairs"}[w], rows)
	TEXT(name, NOSPLIT, "func(n, depth int, a *float32, cs uintptr, b, c *float32, ldc uintptr, acc bool, columns uint32, flushed bool, nextA, stepA uintptr, next *uintptr)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s computes %d rows of C, n panels of %d columns, of which columns is the mask, from panels of depth words. %s "+
		"Strides are in bytes. Meanwhile it prefetches from nextA on, stepA bytes for every two words, and from next.",
		name, rows, tileCols, map[word]string{
			number: "If flushed, it does the second of every two words first and takes subnormal numbers for zeros.",
			pair:   "Words are pairs of bfloat16, whose rules are those of flushed."}[w]))
	left, c, csr, twoA, firstA, secondA := AllocLocal(8), AllocLocal(8), AllocLocal(8), AllocLocal(8), AllocLocal(8), AllocLocal(8)
	MOVQ(parameter("n"), left)
	MOVQ(parameter("c"), c)
	a, b := [2]reg.Register{parameter("a"), GP64()}, [2]reg.Register{parameter("b"), GP64()}
	cs := parameter("cs")
	LEAQ(Mem{Base: a[0], Index: cs, Scale: 1}, a[1])
	LEAQ(Mem{Base: b[0], Disp: 4 * tileCols}, b[1])
	ADDQ(cs, cs)
	MOVQ(cs, twoA)
	if w == number {
		flushed := Load(Param("flushed"), GP8())
		TESTB(flushed, flushed)
		JZ(LabelRef("ordered"))
		XCHGQ(a[0], a[1])
		XCHGQ(b[0], b[1])
		setFlags(csr)
		Label("ordered")
	}
	MOVQ(a[0], firstA)
	MOVQ(a[1], secondA)
	lo, hi := columnMasks()
	p := loadAhead()

	Label("panel")
	loadTile(tileAt(rows, load(c)), rows, lo, hi)
	MOVQ(firstA, a[0])
	MOVQ(secondA, a[1])
	depth := parameter("depth")
	multiply := func(i int) {
		VMOVUPS(Mem{Base: b[i]}, b0)
		VMOVUPS(Mem{Base: b[i], Disp: 64}, b1)
		PREFETCHT0(Mem{Base: b[i], Disp: 8 * 4 * tileCols})
		PREFETCHT0(Mem{Base: b[i], Disp: 8*4*tileCols + 64})
		PREFETCHT0(Mem{Base: a[i], Disp: 16 * 4 * tileRows})
		for r := range rows {
			VBROADCASTSS(Mem{Base: a[i], Disp: 4 * r}, x[r%2])
			if w == pair {
				dotPairs(b0, x[r%2], zmm[2*r])
				dotPairs(b1, x[r%2], zmm[2*r+1])
			} else {
				VFMADD231PS(b0, x[r%2], zmm[2*r])
				VFMADD231PS(b1, x[r%2], zmm[2*r+1])
			}
		}
	}
	SUBQ(Imm(2), depth)
	JLT(LabelRef("rest"))
	Label("words")
	for i := range 2 {
		multiply(i)
		ADDQ(twoA, a[i])
		ADDQ(U32(2*4*tileCols), b[i])
	}
	p.fetch()
	SUBQ(Imm(2), depth)
	JGE(LabelRef("words"))
	Label("rest")
	ADDQ(Imm(2), depth)
	JZ(LabelRef("store"))
	multiply(0)
	for i := range 2 {
		ADDQ(U32(4*tileCols), b[i])
	}
	Label("store")
	storeTile(tileAt(rows, load(c)), rows, lo, hi)
	ADDQ(U32(4*tileCols), c)
	DECQ(left)
	JNZ(LabelRef("panel"))

	p.save()
	if w == number {
		flushed := Load(Param("flushed"), GP8())
		TESTB(flushed, flushed)
		JZ(LabelRef("return"))
		LDMXCSR(csr)
		Label("return")
	}
	VZEROUPPER()
	RET()
	p.nextRow(b[0])
}

// setFlags lets subnormal operands and results be zeros, and keeps the caller's
// MXCSR in csr.
func setFlags(csr Mem) {
	flags := GP32()
	STMXCSR(csr)
	MOVL(csr, flags)
	ORL(U32(denormalsAreZero|flushToZero), flags)
	MOVL(flags, csr.Offset(4))
	LDMXCSR(csr.Offset(4))
}

// prefetcher asks for what is needed next, two lines at a time: one of A and one
// of what an ahead of package blas describes.
type prefetcher struct {
	a, at, left reg.Register
	step        Mem
}

func loadAhead() prefetcher {
	p := prefetcher{a: parameter("nextA"), at: GP64(), left: GP64(), step: AllocLocal(8)}
	next, step := Load(Param("next"), GP64()), GP64()
	MOVQ(Mem{Base: next}, p.at)
	MOVQ(Mem{Base: next, Disp: 8}, step)
	MOVQ(step, p.step)
	MOVQ(Mem{Base: next, Disp: 16}, p.left)
	return p
}

func (p prefetcher) fetch() {
	stepA := parameter("stepA")
	PREFETCHT1(Mem{Base: p.a})
	ADDQ(stepA, p.a)
	PREFETCHT1(Mem{Base: p.at})
	ADDQ(p.step, p.at)
	DECQ(p.left)
	JZ(LabelRef("row"))
	Label("fetched")
}

// nextRow goes to the next row; beyond the last one, it stays at `here`.
func (p prefetcher) nextRow(here reg.Register) {
	Label("row")
	next := Load(Param("next"), GP64())
	MOVQ(Mem{Base: next, Disp: 24}, p.left)
	ADDQ(Mem{Base: next, Disp: 32}, p.at)
	DECQ(Mem{Base: next, Disp: 40})
	JG(LabelRef("fetched"))
	MOVQ(here, p.at)
	MOVQ(U32(0), p.left)
	MOVQ(p.left, p.step)
	MOVQ(U32(math.MaxInt32), p.left)
	JMP(LabelRef("fetched"))
}

func (p prefetcher) save() {
	next, step := Load(Param("next"), GP64()), GP64()
	MOVQ(p.at, Mem{Base: next})
	MOVQ(p.step, step)
	MOVQ(step, Mem{Base: next, Disp: 8})
	MOVQ(p.left, Mem{Base: next, Disp: 16})
}
