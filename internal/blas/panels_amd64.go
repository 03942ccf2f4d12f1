//go:build !noasm

package blas

import (
	"math"
	"unsafe"

	"github.com/stablelora/stablelora/internal/isa"
)

// The kernels for panels by the rows of A's.
var panelsAVX512 = [...]panelsFunc{
	1:  panels1AVX512,
	2:  panels2AVX512,
	3:  panels3AVX512,
	4:  panels4AVX512,
	5:  panels5AVX512,
	6:  panels6AVX512,
	7:  panels7AVX512,
	8:  panels8AVX512,
	9:  panels9AVX512,
	10: panels10AVX512,
	11: panels11AVX512,
	12: panels12AVX512,
	13: panels13AVX512,
	14: panels14AVX512,
}

var pairsAVX512 = [...]panelsFunc{
	1:  pairs1AVX512,
	2:  pairs2AVX512,
	3:  pairs3AVX512,
	4:  pairs4AVX512,
	5:  pairs5AVX512,
	6:  pairs6AVX512,
	7:  pairs7AVX512,
	8:  pairs8AVX512,
	9:  pairs9AVX512,
	10: pairs10AVX512,
	11: pairs11AVX512,
	12: pairs12AVX512,
	13: pairs13AVX512,
	14: pairs14AVX512,
}

type panelsFunc = func(n, depth int, a *float32, cs uintptr, b, c *float32, ldc uintptr, acc bool, columns uint32, flushed bool, nextA, stepA uintptr, next *uintptr)

// multiplyPanelsWide is multiplyBlock with AVX-512 for an A that is packed, and
// says whether that is so. A panel of A is multiplied by all of the chunk before
// the next one comes, which is fetched meanwhile; along with the last ones, what
// the chunk will be made of next.
func (j *job) multiplyPanelsWide(c *chunk, i0, i1, j0, j1, k, depth int) bool {
	if j.set < isa.AVX512 || len(j.packed) == 0 {
		return false
	}
	p := panelCall{
		kernels: &panelsAVX512, depth: depth, cs: uintptr(4 * j.tileRows), ldc: uintptr(4 * j.ldc), acc: j.acc || k > 0, flushed: j.bf16,
	}
	if j.wordSteps == 2 {
		p.kernels = &pairsAVX512
	}
	whole, rest := (j1-j0)/j.tileCols, (j1-j0)%j.tileCols
	lines := ceilDiv(j1-j0, j.tileCols) * (depth / 2) // prefetched with each panel of A
	size := 4 * j.tileRows * depth
	c.none = ahead{at: uintptr(unsafe.Pointer(&c.data[0])), left: math.MaxInt}
	for row := i0; row < i1; row += j.tileRows {
		a := &j.panel((row-j.i0)/j.tileRows, k, depth)[0]
		p.rows, p.a, p.nextA, p.stepA = min(j.tileRows, i1-row), a, uintptr(unsafe.Pointer(a)), 0
		if row+j.tileRows < i1 {
			p.nextA += uintptr(size)
			p.stepA = uintptr(ceilDiv(size, max(1, lines)))
		}
		p.next = &c.none
		if n := c.next.lines(); n > 0 && n >= (i1-row-1)/j.tileRows*lines {
			p.next = &c.next
		}
		out := j.c[row*j.ldc+j0:]
		p.run(whole, c.data, out, j.tileCols)
		if rest > 0 {
			p.run(1, c.data[whole*j.tileCols*depth:], out[whole*j.tileCols:], rest)
		}
	}
	return true
}

// panelCall is what calls of a kernel with a panel of A have in common.
type panelCall struct {
	kernels      *[15]panelsFunc
	rows, depth  int
	a            *float32
	cs, ldc      uintptr
	acc, flushed bool
	nextA, stepA uintptr
	next         *ahead
}

// run multiplies by n panels of which `columns` columns are there.
func (p *panelCall) run(n int, b, c []float32, columns int) {
	if n == 0 {
		return
	}
	p.kernels[p.rows](n, p.depth, p.a, p.cs, &b[0], &c[0], p.ldc, p.acc, uint32(1<<columns-1), p.flushed, p.nextA, p.stepA, &p.next.at)
	p.nextA += uintptr(n*(p.depth/2)) * p.stepA
}

// prefetchRight sets c.next to what packRight will read.
func (j *job) prefetchRight(c *chunk, from, depth, j0, j1 int) {
	const line = 64
	size := j.b.dtype.Size()
	if size == 4 { // not the weights of a model: in the caches already
		return
	}
	first, n := j.steps(from, depth)
	rows, cols, at := n, j1-j0, first*j.b.ld+j0
	if j.b.trans {
		rows, cols, at = j1-j0, n, j0*j.b.ld+first
	}
	if cols == j.b.ld {
		rows, cols = 1, rows*cols
	}
	perRow := ceilDiv(cols*size, line)
	c.next = ahead{
		at: uintptr(unsafe.Pointer(&j.b.u16[at])), step: line, left: perRow, perRow: perRow,
		skip: uintptr(size*j.b.ld - perRow*line), rows: rows,
	}
}
