package blas

// tile is one call of a kernel: rows x cols elements of C, at most tileRows x
// tileCols. b holds depth rows of tileCols elements, which begin ldb apart.
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
		c := t.c[i*t.ldc : i*t.ldc+t.cols]
		for len(c) >= 4 {
			b := t.b[t.cols-len(c):]
			chains4((*[4]float32)(c), a, t.a.cs, b, t.ldb, t.depth, t.acc)
			c = c[4:]
		}
		for j := t.cols - len(c); j < t.cols; j++ {
			x := float32(0)
			if t.acc {
				x = t.c[i*t.ldc+j]
			}
			for k := range t.depth {
				x = fma32(a[k*t.a.cs], t.b[k*t.ldb+j], x)
			}
			t.c[i*t.ldc+j] = x
		}
	}
}

// chains4 is c[j] = fma(a[k·cs], b[k·ldb+j], c[j]) over all k, for four j.
// The partial sums are float32 values held in float64.
func chains4(c *[4]float32, a []float32, cs int, b []float32, ldb, depth int, acc bool) {
	var c0, c1, c2, c3 float64
	if acc {
		c0, c1, c2, c3 = float64(c[0]), float64(c[1]), float64(c[2]), float64(c[3])
	}
	for k := range depth {
		x := float64(a[k*cs])
		y := (*[4]float32)(b[k*ldb:])
		s0 := x*float64(y[0]) + c0
		s1 := x*float64(y[1]) + c1
		s2 := x*float64(y[2]) + c2
		s3 := x*float64(y[3]) + c3
		if delicate(s0) {
			s0 = float64(fmaOdd(float32(x), y[0], float32(c0)))
		}
		if delicate(s1) {
			s1 = float64(fmaOdd(float32(x), y[1], float32(c1)))
		}
		if delicate(s2) {
			s2 = float64(fmaOdd(float32(x), y[2], float32(c2)))
		}
		if delicate(s3) {
			s3 = float64(fmaOdd(float32(x), y[3], float32(c3)))
		}
		c0, c1, c2, c3 = float64(float32(s0)), float64(float32(s1)), float64(float32(s2)), float64(float32(s3))
	}
	c[0], c[1], c[2], c[3] = float32(c0), float32(c1), float32(c2), float32(c3)
}
