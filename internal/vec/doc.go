// Package vec holds the arithmetic around the products: functions of one row or
// one tensor of float32, with kernels for AVX2 and NEON and the same bits
// from plain Go.
//
// Where elements do not mix, each is computed as its comment writes it, every
// operation rounded to float32; e^x is the polynomial of exp. A sum has 16 lanes
// in float64: element i goes to lane i mod 16 in the order of i, and lanes are
// joined in halves, j + (j+8), then j + (j+4), … So bits depend on the elements
// alone, not on alignment, instruction set or threads. Which NaN comes out of
// several is left open.
//
// Slices of one call have one length; where an output is also an input it must
// be the same slice, not one that overlaps it. The package must not know
// matrices, layers or optimizers' schedules.
package vec
