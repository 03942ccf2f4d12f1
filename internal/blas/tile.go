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
}

// multiplyGeneric is the kernel in plain Go: four chains at a time, so that one
// does not wait for the other.
func (t *tile) multiplyGeneric() {
	for i := range t.rows {
		a := t.a.data[i*t.a.rs:]
		for j := 0; j < t.cols; j += 4 {
			c := t.c[i*t.ldc+j : i*t.ldc+min(j+4, t.cols)]
			if len(c) == 4 {
				t.chains4(c, a, t.b[j:])
			} else {
				t.chains(c, a, t.b[j:], 0, t.depth, t.acc)
			}
		}
	}
}

// chains is c[j] = fma(a[k·cs], b[k·ldb+j], c[j]) for k0 ≤ k < k1.
func (t *tile) chains(c, a, b []float32, k0, k1 int, acc bool) {
	for j := range c {
		x := float32(0)
		if acc {
			x = c[j]
		}
		for k := k0; k < k1; k++ {
			x = fma.F32(a[k*t.a.cs], b[k*t.ldb+j], x)
		}
		c[j] = x
	}
}

// chains4 is chains over all k for four elements: as long as no sum is delicate
// without a call, which would force everything out of the registers.
func (t *tile) chains4(c, a, b []float32) {
	if !t.acc {
		clear(c)
	}
	for k := 0; k < t.depth; k++ {
		k = plainSteps((*[4]float32)(c), a, t.a.cs, b, t.ldb, k, t.depth)
		t.chains(c, a, b, k, min(k+1, t.depth), true)
	}
}

// plainSteps does the steps from k on up to the first with a delicate sum, and
// returns that one's number. The partial sums are float32 values in float64.
func plainSteps(c *[4]float32, a []float32, cs int, b []float32, ldb, k, depth int) int {
	c0, c1, c2, c3 := float64(c[0]), float64(c[1]), float64(c[2]), float64(c[3])
	for ; k < depth; k++ {
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
	return k
}
