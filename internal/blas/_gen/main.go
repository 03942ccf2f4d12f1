// Command _gen writes the AVX2 kernels of package blas; run it by `go generate`
// there. It is a module of its own so that the program does not depend on avo.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The tile of C that a kernel keeps in registers: package blas has the same
// numbers.
const (
	tileRows = 6
	tileCols = 16
)

func main() {
	ConstraintExpr("!noasm")
	for rows := 1; rows <= tileRows; rows++ {
		tile(rows)
	}
	packLeft()
	for _, f := range formats {
		packColumns(f)
		packRows(f)
	}
	hasF16C()
	Generate()
}

// hasF16C reads the one feature golang.org/x/sys/cpu has no name for.
func hasF16C() {
	TEXT("hasF16C", NOSPLIT, "func() bool")
	Doc("hasF16C says whether the processor has VCVTPH2PS.")
	MOVL(U32(1), EAX)
	XORL(ECX, ECX)
	CPUID()
	SHRL(Imm(29), ECX)
	ANDL(Imm(1), ECX)
	Store(CL, ReturnIndex(0))
	RET()
}
