// Command _gen writes the AVX2 kernels of package blas; run it by `go generate`
// there. It is a module of its own so that the program does not depend on avo.
package main

import . "github.com/mmcloughlin/avo/build"

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
		pairs(rows)
	}
	panels()
	packLeft()
	round()
	for _, f := range formats {
		packColumns(f)
		packRows(f)
	}
	peak()
	Generate()
}
