package blas

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/fma"
	"github.com/stablelora/stablelora/internal/isa"
	"github.com/stablelora/stablelora/internal/parallel"
)

// lanes is how many partial sums an element of Dots has.
const lanes = 16

const (
	// dotPart is about how many bytes of weights a worker takes at a time: they
	// stay in its second-level cache while one group of A's rows after the other
	// is multiplied by them.
	dotPart = 128 << 10

	// dotAhead is how many bytes at least are prefetched ahead of those in work.
	dotAhead = 2048
)

// Dots computes C (m, Rows) = [C +] A (m, Cols) · Wᵀ by the package's second
// rule. It is for few rows A: weights are read once, as fast as memory gives
// them, and nothing is packed.
func Dots(c []float32, ldc int, a []float32, lda, m int, w Source, accumulate bool) {
	w.check("Dots", c, ldc, w.Rows, a, lda, w.Cols, m)
	runDots(dots{c: c, ldc: ldc, a: a, lda: lda, m: m, w: w.operand(true), n: w.Rows, k: w.Cols, acc: accumulate})
}

// DotsF32 is Dots for float32 weights W (n, k) whose rows begin ldw elements
// apart.
func DotsF32(c []float32, ldc int, a []float32, lda, m int, w []float32, ldw, n, k int, accumulate bool) {
	mustHold("DotsF32", "W", w, ldw, n, k)
	mustHold("DotsF32", "A", a, lda, m, k)
	mustHold("DotsF32", "C", c, ldc, m, n)
	runDots(dots{c: c, ldc: ldc, a: a, lda: lda, m: m, n: n, k: k, acc: accumulate,
		w: right{dtype: dtype.F32, f32: w, ld: ldw, trans: true}})
}

// mustHold panics if a slice is too short for a matrix.
func mustHold(op, name string, x []float32, ld, rows, cols int) {
	if rows < 0 || cols < 0 || rows > 0 && (ld < cols || len(x) < (rows-1)*ld+cols) {
		panic(fmt.Sprintf("blas: %s with %s %d x %d of stride %d in %d elements", op, name, rows, cols, ld, len(x)))
	}
}

// dots is a product under way: C (m, n) = [C +] A (m, k) · W (n, k)ᵀ.
type dots struct {
	m, n, k int
	a       []float32
	lda     int
	w       right
	c       []float32
	ldc     int
	acc     bool
	ahead   int // rows of W to prefetch; 0: they are in the cache
}

// dotJob keeps what a product needs, so that the next one allocates nothing.
type dotJob struct {
	dots
	rows   int       // of W in a part
	padded []float32 // A with whole blocks
	part   func(int)
}

var dotJobs = freeList[*dotJob]{make: func() *dotJob {
	j := new(dotJob)
	j.part = j.runPart
	return j
}}

func runDots(d dots) {
	if d.m == 0 || d.n == 0 {
		return
	}
	j := dotJobs.get()
	j.dots = d
	if !d.whole() {
		j.padA()
	}
	row := d.w.dtype.Size() * max(1, d.w.ld)
	parts := ceilDiv(d.n*row, dotPart)
	if parts > 1 { // as many for each worker
		parts = roundUp(parts, parallel.Threads())
	}
	j.rows, j.ahead = roundUp(ceilDiv(d.n, parts), dotStreams(d.group())), ceilDiv(dotAhead, row)
	forParts(ceilDiv(d.n, j.rows), d.m*d.n*d.k, j.part)
	j.dots = dots{}
	dotJobs.put(j)
}

// whole says that rows are whole blocks of lanes.
func (d *dots) whole() bool { return d.k > 0 && d.k%lanes == 0 }

// blocks is k filled up to whole blocks.
func (d *dots) blocks() int { return max(1, ceilDiv(d.k, lanes)) * lanes }

// padA copies A, each row filled up with zeros to whole blocks.
func (j *dotJob) padA() {
	k := j.blocks()
	j.padded = grow(j.padded, j.m*k)
	for i := range j.m {
		row := j.padded[i*k : (i+1)*k]
		clear(row[copy(row, j.a[i*j.lda:i*j.lda+j.k]):])
	}
	j.a, j.lda = j.padded, k
}

// runPart computes the columns of C that belong to part i of W's rows. Where
// these are no whole blocks, or there is no kernel, it works on a float32 copy.
func (j *dotJob) runPart(i int) {
	d := j.dots
	lo, hi := i*j.rows, min(d.n, (i+1)*j.rows)
	d.n, d.c = hi-lo, d.c[lo:]
	if d.whole() && (d.w.dtype == dtype.F32 || hasDotKernel()) {
		d.w = d.w.rowsFrom(lo)
		d.groups()
		return
	}
	k := d.blocks()
	t := newScratch(d.n * k)
	d.ahead = 0
	for r := range d.n {
		row := t.data[r*k : (r+1)*k]
		d.w.widen(row[:d.k], (lo+r)*d.w.ld)
		clear(row[d.k:])
	}
	d.k, d.w = k, right{dtype: dtype.F32, f32: t.data, ld: k, trans: true}
	d.groups()
	t.release()
}

// rowsFrom views W without its first rows.
func (b right) rowsFrom(row int) right {
	if b.dtype == dtype.F32 {
		b.f32 = b.f32[row*b.ld:]
	} else {
		b.u16 = b.u16[row*b.ld:]
	}
	return b
}

// groups goes through the rows of A.
func (d dots) groups() {
	all := d
	for i := 0; i < all.m; i += d.m {
		d.m = all.m - i
		d.m = d.group()
		d.a, d.c = all.a[i*d.lda:], all.c[i*d.ldc:]
		d.multiply()
		d.ahead = 0
	}
}

// group is how many rows of A a kernel takes now: about as many at a time, in as
// few groups as can be.
func (d *dots) group() int {
	most := 3
	if isa.Current() >= isa.AVX512 {
		most = 12
	}
	return ceilDiv(d.m, ceilDiv(d.m, most))
}

// dotStreams is how many rows of W the kernel for m rows of A takes at a time.
func dotStreams(m int) int {
	switch {
	case m == 1:
		return 4
	case isa.Current() >= isa.AVX512: // 27 sums and what they are made of fill the registers
		return min(4, 27/m)
	default:
		return 2
	}
}

// multiplyGeneric is the kernel in plain Go, for float32 weights.
func (d *dots) multiplyGeneric() {
	for j := range d.n {
		w := d.w.f32[j*d.w.ld : j*d.w.ld+d.k]
		for i := range d.m {
			d.put(i, j, dot(d.a[i*d.lda:i*d.lda+d.k], w))
		}
	}
}

// put gives element (i, j) of C its sum.
func (d *dots) put(i, j int, sum float32) {
	c := &d.c[i*d.ldc+j]
	if d.acc {
		sum += *c
	}
	*c = sum
}

// dot is Σ a·w over whole blocks.
func dot(a, w []float32) float32 {
	var s [lanes]float32
	for l := 0; l < lanes; l += 4 {
		dotLanes((*[4]float32)(s[l:]), a[l:], w[l:])
	}
	for h := lanes / 2; h > 0; h /= 2 {
		for l := range h {
			s[l] += s[l+h]
		}
	}
	return s[0]
}

// dotLanes adds the blocks' products in four lanes: as long as no sum is
// delicate without a call, as plainSteps does.
func dotLanes(s *[4]float32, a, w []float32) {
	s0, s1, s2, s3 := float64(s[0]), float64(s[1]), float64(s[2]), float64(s[3])
	for k := 0; k < len(a); k += lanes {
		x, y := a[k:k+4:k+4], w[k:k+4:k+4]
		t0 := float64(x[0])*float64(y[0]) + s0
		t1 := float64(x[1])*float64(y[1]) + s1
		t2 := float64(x[2])*float64(y[2]) + s2
		t3 := float64(x[3])*float64(y[3]) + s3
		if fma.Delicate(t0) || fma.Delicate(t1) || fma.Delicate(t2) || fma.Delicate(t3) {
			t0 = float64(fma.F32(x[0], y[0], float32(s0)))
			t1 = float64(fma.F32(x[1], y[1], float32(s1)))
			t2 = float64(fma.F32(x[2], y[2], float32(s2)))
			t3 = float64(fma.F32(x[3], y[3], float32(s3)))
		}
		s0, s1, s2, s3 = float64(float32(t0)), float64(float32(t1)), float64(float32(t2)), float64(float32(t3))
	}
	s[0], s[1], s[2], s[3] = float32(s0), float32(s1), float32(s2), float32(s3)
}
