// Command avx512 writes the AVX-512 kernels of package blas; run it by
// `go generate` there.
package main

import . "github.com/mmcloughlin/avo/build"

// The tile of C that a kernel keeps in 28 registers: package blas has the same
// numbers.
const (
	tileRows = 14
	tileCols = 32
)

func main() {
	ConstraintExpr("!noasm")
	for rows := 1; rows <= tileRows; rows++ {
		tile(rows)
		panels(rows, number)
		panels(rows, pair)
	}
	for _, f := range formats {
		for _, w := range []word{number, pair} {
			packColumns(f, w)
			packRows(f, w, 2)
		}
	}
	for _, w := range []word{number, pair} {
		packRows(formats[0], w, 1)
	}
	round()
	peak(number)
	peak(pair)
	Generate()
}
