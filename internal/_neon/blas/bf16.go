package main

import (
	"fmt"

	. "github.com/stablelora/stablelora/internal/_neon/asm"
)

const (
	flushToZero = 1 << 24 // in FPCR
	underflow   = 1 << 3  // in FPSR: a result was flushed
)

// pairs generates the kernel for `rows` rows of A and 16 columns of B that has
// the bits of VDPBF16PS: of each two steps of k the second comes first, and
// subnormal numbers, operands and results, are zeros.
//
// NEON finds a result subnormal before rounding, the x86 instruction after it,
// so they differ just below the least normal number. A flushed result leaves a
// flag: then the kernel writes nothing and says so.
func pairs(rows int) {
	Func(fmt.Sprintf("pairs%dKernel", rows), "pairs int, a, b, c *float32, ldc uintptr, acc bool", "bool",
		fmt.Sprintf("the kernel for %d x %d elements of C and panels of bfloat16 values. It returns true, and leaves C, if a result was subnormal.", rows, tileCols))
	mode, flush := NewReg(), NewReg()
	Op("MRS", "FPCR", mode)
	Op("ORR", flushToZero, mode, flush)
	Op("MSR", flush, "FPCR")
	Op("MSR", "ZR", "FPSR")
	n, a, b, c, ldc := Load("pairs"), Load("a"), Load("b"), Load("c"), Load("ldc")
	sum, _ := loadTile(rows, c, ldc)
	loop("loop", n, func() {
		for _, k := range []int{1, 0} {
			sum.add(loadRow(b, k), loadColumn(rows, a, k*tileRows))
		}
		Op("ADD", 2*4*tileRows, a, a)
		Op("ADD", 2*4*tileCols, b, b)
	})
	flags := NewReg()
	Op("MRS", "FPSR", flags)
	Op("MSR", mode, "FPCR")
	Op("ANDS", underflow, flags, flags)
	Branch("BNE", "delicate")
	storeTile(rows, c, ldc, sum)
	Op("MOVB", "ZR", Param("ret"))
	Op("RET")
	Label("delicate")
	Op("MOVD", 1, flags)
	Op("MOVB", flags, Param("ret"))
	Return()
}

// round generates the rounding of float32 to bfloat16 values, in place, as
// VCVTNE2PS2BF16 does it.
func round() {
	Func("roundKernel", "p *float32, blocks int", "", "roundToBF16 of 8·blocks elements.")
	p := Load("p")
	loop("loop", Load("blocks"), func() {
		x := [2]*Vec{}
		x[0], x[1] = LoadPair(p, 0)
		for k, v := range x {
			r := ADD(v, ADD(AND(USHR(v, 16), DUP(Word(1))), DUP(Word(0x7fff)))) // the last bit that stays decides a tie
			BIF(r, ORR(v, DUP(Word(0x400000))), FCMEQ(v, v))                    // NaN
			r = AND(r, DUP(Word(0xffff0000)))
			BIF(r, AND(v, DUP(Word(1<<31))), CMTST(v, DUP(Word(0x7f800000)))) // zeros and subnormal numbers
			x[k] = r
		}
		StorePair(x[0], x[1], p, 0)
		Op("ADD", 32, p, p)
	})
	Return()
}
