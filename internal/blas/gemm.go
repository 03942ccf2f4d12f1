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
	words        int   // of a row of A or a column of B: k, padded, by wordSteps
	kc           int   // words of a block, the last one perhaps fewer
	mc           int   // rows of a part
	ends         []int // where parts beside one another end, in panels of B
	i0, i1       int   // the rows
	k0, k1       int   // and words being worked on
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
		for i := 0; i < p.m && !p.acc; i++ {
			clear(p.c[i*p.ldc : i*p.ldc+p.n])
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
			forParts(j.parts(), (j.i1-j.i0)*(j.k1-j.k0)*j.n, j.multiplyPart)
		}
	}
}

// split chooses the parts that workers take: columns of B, at first as many as a
// chunk holds, at last few, so that all workers end together. A part packs its
// columns, so only where there are too few for all are rows split too.
func (j *job) split(threads int) {
	m, panels := j.i1-j.i0, ceilDiv(j.n, j.tileCols)
	most := j.chunkSize / j.kc / j.tileCols // panels of a chunk
	if m*j.n*j.k < 2*smallPart {
		threads = 1
	}
	j.ends = j.ends[:0]
	for end := 0; end < panels; j.ends = append(j.ends, end) {
		share := panels
		if threads > 1 {
			share = ceilDiv(panels-end, 2*threads)
		}
		end = min(panels, end+min(share, most))
	}
	down := 1
	if len(j.ends) < threads {
		down = min(ceilDiv(4*threads, len(j.ends)), m*j.n*j.k/smallPart, ceilDiv(2*m, j.blockRows))
	}
	j.mc = roundUp(ceilDiv(m, max(1, down)), j.tileRows)
}

// parts is their number.
func (j *job) parts() int { return ceilDiv(j.i1-j.i0, j.mc) * len(j.ends) }

// columns are those of part number `part`.
func (j *job) columns(part int) (j0, j1 int) {
	i := part % len(j.ends)
	if i > 0 {
		j0 = j.ends[i-1] * j.tileCols
	}
	return j0, min(j.n, j.ends[i]*j.tileCols)
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

// multiplyTiles computes part number `part` of the rows and words being worked
// on: at most mc rows, and the columns that split gave it.
func (j *job) multiplyTiles(part int) {
	i0 := j.i0 + part/len(j.ends)*j.mc
	i1 := min(j.i1, i0+j.mc)
	j0, j1 := j.columns(part)
	chunk := chunks.get()
	chunk.data = grow(chunk.data, j.chunkSize)
	for k := j.k0; k < j.k1; k += j.kc {
		depth := min(j.kc, j.k1-k)
		j.packRight(chunk.data, k, depth, j0, j1)
		j.prefetch(chunk, part, k)
		if j.multiplyPanelsWide(chunk, i0, i1, j0, j1, k, depth) {
			continue
		}
		for i := i0; i < i1; i += j.blockRows {
			j.multiplyBlock(chunk.data, i, min(i1, i+j.blockRows), j0, j1, k, depth)
		}
	}
	chunks.put(chunk)
}

// prefetch sets c.next to what the worker of this part probably packs after the
// block of k at hand: the part's next block, or the first one of another part.
func (j *job) prefetch(c *chunk, part, k int) {
	c.next = ahead{}
	if k += j.kc; k >= j.k1 {
		part, k = part+parallel.Threads(), j.k0
	}
	if part < j.parts() {
		j0, j1 := j.columns(part)
		j.prefetchRight(c, k, min(j.kc, j.k1-k), j0, j1)
	}
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
