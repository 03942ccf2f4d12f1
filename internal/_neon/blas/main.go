// Command blas writes the NEON kernels of package blas; run it by `go generate`
// there. Each does what its namesake in internal/blas/_gen does.
package main

import . "github.com/stablelora/stablelora/internal/_neon/asm"

// The tile of C that a kernel keeps in registers: package blas has the same
// numbers.
const (
	tileRows = 6
	tileCols = 16
)

func main() {
	for rows := 1; rows <= tileRows; rows++ {
		tile(rows)
		pairs(rows)
	}
	panels()
	packLeft()
	for _, f := range formats {
		packColumns(f)
		packRows(f)
		dots(f, 4, 1)
		dots(f, 2, 2)
		dots(f, 2, 3)
	}
	round()
	peak()
	Generate()
}

// loop emits body count times; count is used up.
func loop(label string, count Reg, body func()) {
	Label(label)
	body()
	Op("SUBS", 1, count, count)
	Branch("BNE", label)
}
