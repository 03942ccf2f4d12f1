package blas

import "github.com/stablelora/stablelora/internal/fma"

// tile is one call of a kernel: rows x cols elements of C, at most tileRows x
// tileCols of that kernel. b holds depth rows of tileCols elements, which begin
// ldb apart.
type tile struct {
	rows, cols, depth int
	a                 left
	b                 []float32
	ldb               int
	c                 []float32
	ldc               int
	acc               bool
	bf16              bool
}

// multiplyGeneric is the kernel in plain Go: four chains at a time, so that one
// does not wait for the other.
func (t *tile) multiplyGeneric() {
	for i := range t.rows {
		a := t.a.data[i*t.a.rs:]
		for j := 0; j < t.cols; j += 4 {
			c := t.c[i*t.ldc+j : i*t.ldc+min(j+4, t.cols)]
			if !t.acc {
				clear(c)
			}
			if t.bf16 {
				for i, v := range c {
					c[i] = fma.Flush(v)
				}
			}
			if len(c) == 4 {
				t.chains4(c, a, t.b[j:])
			} else {
				t.chains(c, a, t.b[j:], 0, t.depth)
			}
		}
	}
}

// step is where in A and B the multiply-add number i of a chain finds its
// operands.
func (t *tile) step(i int) int {
	if t.bf16 {
		return i ^ 1 // 1, 0, 3, 2, …
	}
	return i
}

// chains is c[j] = fma(a[k·cs], b[k·ldb+j], c[j]) for the steps from ≤ i < to.
func (t *tile) chains(c, a, b []float32, from, to int) {
	for j := range c {
		x := c[j]
		for i := from; i < to; i++ {
			k := t.step(i)
			if t.bf16 {
				x = fma.Flushed(a[k*t.a.cs], b[k*t.ldb+j], x)
			} else {
				x = fma.F32(a[k*t.a.cs], b[k*t.ldb+j], x)
			}
		}
		c[j] = x
	}
}

// chains4 is chains over all steps for four elements: as long as no sum is
// delicate without a call, which would force everything out of the registers.
func (t *tile) chains4(c, a, b []float32) {
	for i := 0; i < t.depth; i++ {
		i = t.plainSteps((*[4]float32)(c), a, b, i)
		t.chains(c, a, b, i, min(i+1, t.depth))
	}
}

// plainSteps does the steps from i on up to the first with a delicate sum, and
// returns that one's number. The partial sums are float32 values in float64.
func (t *tile) plainSteps(c *[4]float32, a, b []float32, i int) int {
	c0, c1, c2, c3 := float64(c[0]), float64(c[1]), float64(c[2]), float64(c[3])
	for cs, ldb, depth := t.a.cs, t.ldb, t.depth; i < depth; i++ {
		k := t.step(i)
		x := float64(a[k*cs])
		y := b[k*ldb : k*ldb+4 : k*ldb+4]
		s0 := x*float64(y[0]) + c0
		s1 := x*float64(y[1]) + c1
		s2 := x*float64(y[2]) + c2
		s3 := x*float64(y[3]) + c3
		if fma.Delicate(s0) || fma.Delicate(s1) || fma.Delicate(s2) || fma.Delicate(s3) {
			break
		}
		c0, c1, c2, c3 = float64(float32(s0)), float64(float32(s1)), float64(float32(s2)), float64(float32(s3))
	}
	c[0], c[1], c[2], c[3] = float32(c0), float32(c1), float32(c2), float32(c3)
	return i
}
