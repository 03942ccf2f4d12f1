package blas

import "github.com/stablelora/stablelora/internal/parallel"

const (
	maxPackedA = 4 << 20   // floats of A packed at a time, 16 MiB
	maxRows    = 1020      // rows of A packed at a time
	smallPart  = 32 * 1024 // multiply-adds not worth giving to another worker
)

// left is the operand A: element (i, k) is data[i*rs + k*cs].
type left struct {
	data   []float32
	rs, cs int
}

// product is C (m, n) = [C +] A (m, k) · B (k, n), of float32 numbers or of their
// roundings to bfloat16.
type product struct {
	m, n, k int
	a       left
	b       right
	c       []float32
	ldc     int
	acc     bool
	bf16    bool
}

// job is a product under way. Jobs are kept for reuse, so that a product
// allocates nothing once its buffers have grown.
type job struct {
	product
	kernel
	words        int // of a row of A or a column of B: k, padded, by wordSteps
	kc           int // words of a block, the last one perhaps fewer
	mc, nc       int // rows and columns of a part
	i0, i1       int // the rows
	k0, k1       int // and words being worked on
	packed       []float32
	packPart     func(int)
	multiplyPart func(int)
}

var jobs = freeList[*job]{make: func() *job {
	j := new(job)
	j.packPart, j.multiplyPart = j.packRows, j.multiplyTiles
	return j
}}

// multiply computes p. Its parts run on the pool; none of them splits k.
func multiply(p product) {
	if p.m == 0 || p.n == 0 {
		return
	}
	if p.k == 0 {
		for i := range p.m {
			if !p.acc {
				clear(p.c[i*p.ldc : i*p.ldc+p.n])
			}
		}
		return
	}
	j := jobs.get()
	j.product, j.kernel = p, kernelFor(p.m, p.n, p.bf16)
	j.run()
	j.product = product{}
	jobs.put(j)
}

func (j *job) run() {
	j.words = j.k
	if j.bf16 {
		j.words = roundUp(j.k, 2) / j.wordSteps
	}
	blocks := ceilDiv(j.words, j.maxDepth)
	j.kc = min(j.words, roundUp(ceilDiv(j.words, blocks), 8))
	pack := j.bf16 || j.n > 64 && j.m > j.tileRows
	rows, depth := j.m, j.words
	if pack {
		rows = min(j.m, maxRows/j.tileRows*j.tileRows)
		depth = j.kc * max(1, maxPackedA/(roundUp(rows, j.tileRows)*j.kc))
	}
	for j.i0 = 0; j.i0 < j.m; j.i0 += rows {
		j.i1 = min(j.m, j.i0+rows)
		j.split(parallel.Threads())
		for j.k0 = 0; j.k0 < j.words; j.k0 += depth {
			j.k1 = min(j.words, j.k0+depth)
			j.packed = j.packed[:0]
			if pack {
				panels := ceilDiv(j.i1-j.i0, j.tileRows)
				j.packed = grow(j.packed, panels*j.tileRows*(j.k1-j.k0))
				forParts(panels, (j.i1-j.i0)*(j.k1-j.k0), j.packPart)
			}
			parts := ceilDiv(j.i1-j.i0, j.mc) * ceilDiv(j.n, j.nc)
			forParts(parts, (j.i1-j.i0)*(j.k1-j.k0)*j.n, j.multiplyPart)
		}
	}
}

// split chooses the parts that workers take: about four for each of them, of
// full chunks of columns where there are enough of these.
func (j *job) split(threads int) {
	m := j.i1 - j.i0
	j.mc = roundUp(m, j.tileRows)
	j.nc = min(j.chunkSize/j.kc/j.tileCols*j.tileCols, roundUp(j.n, j.tileCols))
	want := min(4*threads, m*j.n*j.k/smallPart)
	if threads == 1 || want <= 1 {
		return
	}
	if j.n <= j.nc { // rows first: every part packs all of B
		j.mc = min(j.mc, roundUp(max(j.blockRows/2, ceilDiv(m, want)), j.tileRows))
	}
	want = ceilDiv(want, ceilDiv(m, j.mc)) // parts still wanted of the columns
	if ceilDiv(j.n, j.nc) < want {
		j.nc = roundUp(ceilDiv(j.n, want), j.tileCols)
	}
	// The columns of the worker that does most: 7 parts on 2 workers are not even.
	// Smaller parts read A more often, which must be worth it.
	most := func(nc int) int { return nc * ceilDiv(ceilDiv(j.n, nc)*ceilDiv(m, j.mc), threads) }
	for nc, least := j.nc, max(j.nc/2, j.tileCols); nc >= least; nc -= j.tileCols {
		if 20*most(nc) < 19*most(j.nc) {
			j.nc = nc
		}
	}
}

func forParts(n, work int, f func(int)) {
	if work < smallPart {
		for i := range n {
			f(i)
		}
		return
	}
	parallel.For(n, f)
}

// packRows packs panel number i of A: for every block of k, [k][tileRows].
func (j *job) packRows(i int) {
	row := j.i0 + i*j.tileRows
	rows := min(j.tileRows, j.i1-row)
	for k := j.k0; k < j.k1; k += j.kc {
		depth := min(j.kc, j.k1-k)
		j.packLeft(j.panel(i, k, depth), row, rows, k, depth)
	}
}

// panel is where panel i of the block of A that starts at k lies.
func (j *job) panel(i, k, depth int) []float32 {
	return j.packedFrom(i, k, depth)[:j.tileRows*depth]
}

// packedFrom is panel i and those that follow it.
func (j *job) packedFrom(i, k, depth int) []float32 {
	panels := ceilDiv(j.i1-j.i0, j.tileRows)
	return j.packed[(k-j.k0)*panels*j.tileRows+i*j.tileRows*depth:]
}

// multiplyTiles computes part number `part` of the rows and k steps being
// worked on: at most mc rows and nc columns.
func (j *job) multiplyTiles(part int) {
	across := ceilDiv(j.n, j.nc)
	i0 := j.i0 + part/across*j.mc
	i1 := min(j.i1, i0+j.mc)
	j0 := part % across * j.nc
	j1 := min(j.n, j0+j.nc)
	chunk := grow(chunks.get(), j.chunkSize)
	for k := j.k0; k < j.k1; k += j.kc {
		depth := min(j.kc, j.k1-k)
		j.packRight(chunk, k, depth, j0, j1)
		for i := i0; i < i1; i += j.blockRows {
			j.multiplyBlock(chunk, i, min(i1, i+j.blockRows), j0, j1, k, depth)
		}
	}
	chunks.put(chunk)
}

// multiplyBlock runs the kernel over the tiles of rows i0..i1, columns j0..j1,
// continuing each chain where the block of k before left it.
func (j *job) multiplyBlock(chunk []float32, i0, i1, j0, j1, k, depth int) {
	acc := j.acc || k > 0
	for col := j0; col < j1; col += j.tileCols {
		b := chunk[(col-j0)*depth : (col-j0+j.tileCols)*depth]
		row := i0
		if len(j.packed) > 0 && !j.bf16 && j1-col >= j.tileCols {
			panels := (i1 - i0) / j.tileRows
			a := j.packedFrom((i0-j.i0)/j.tileRows, k, depth)
			row += j.tileRows * j.multiplyPanels(panels, depth, a, b, j.c[i0*j.ldc+col:], j.ldc, acc)
		}
		for ; row < i1; row += j.tileRows {
			t := tile{
				rows: min(j.tileRows, i1-row), cols: min(j.tileCols, j1-col), depth: depth,
				b: b, ldb: j.tileCols, c: j.c[row*j.ldc+col:], ldc: j.ldc, acc: acc, bf16: j.bf16,
			}
			if len(j.packed) > 0 {
				t.a = left{j.panel((row-j.i0)/j.tileRows, k, depth), 1, j.tileRows}
			} else {
				t.a = left{j.a.data[row*j.a.rs+k*j.a.cs:], j.a.rs, j.a.cs}
			}
			j.multiplyTile(&t)
		}
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

func roundUp(a, b int) int { return (a + b - 1) / b * b }
