//go:build !noasm

package blas

import (
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/isa"
)

//go:generate go -C _gen run ./avx512 -out ../avx512_amd64.s -stubs ../avx512_amd64.go -pkg blas

// The kernels of AVX-512 by their rows.
var tilesAVX512 = [...]func(depth int, a *float32, rs, cs uintptr, b, c *float32, ldc uintptr, acc bool, columns uint32){
	1:  tile1AVX512,
	2:  tile2AVX512,
	3:  tile3AVX512,
	4:  tile4AVX512,
	5:  tile5AVX512,
	6:  tile6AVX512,
	7:  tile7AVX512,
	8:  tile8AVX512,
	9:  tile9AVX512,
	10: tile10AVX512,
	11: tile11AVX512,
	12: tile12AVX512,
	13: tile13AVX512,
	14: tile14AVX512,
}

// multiplyWide computes a tile of 32 columns, or fewer, of an A that is not packed
// with AVX-512.
func (k *kernel) multiplyWide(t *tile) {
	a, b, c := &t.a.data[0], &t.b[0], &t.c[0]
	rs, cs, ldc := uintptr(4*t.a.rs), uintptr(4*t.a.cs), uintptr(4*t.ldc)
	tilesAVX512[t.rows](t.depth, a, rs, cs, b, c, ldc, t.acc, uint32(1<<t.cols-1))
}

// steps are the k steps that words from..from+depth hold: the first, and how many.
func (j *job) steps(from, depth int) (first, n int) {
	first = from * j.wordSteps
	return first, min(depth*j.wordSteps, j.k-first)
}

// packLeftWide is packLeft with AVX-512, and says whether that is in use. What is
// rounded is packed a few steps at a time, which are then in the first-level
// cache.
func (j *job) packLeftWide(dst []float32, row, rows, from, depth int) bool {
	if j.set < isa.AVX512 {
		return false
	}
	slice := depth
	if j.bf16 {
		slice = 128
	}
	for at := 0; at < depth; at += slice {
		words := min(slice, depth-at)
		j.packLeftSlice(dst[at*j.tileRows:][:words*j.tileRows], row, rows, from+at, words)
	}
	return true
}

func (j *job) packLeftSlice(dst []float32, row, rows, from, depth int) {
	first, n := j.steps(from, depth)
	a, stride := &j.a.data[row*j.a.rs+first*j.a.cs], uintptr(4*j.tileRows)
	pairs, rs, cs := j.wordSteps == 2, uintptr(4*j.a.rs), uintptr(4*j.a.cs)
	switch {
	case j.a.cs == 1 && pairs:
		packColumnsF32PairsAVX512(&dst[0], stride, a, rs, n, rows)
	case j.a.cs == 1:
		packColumnsF32AVX512(&dst[0], stride, a, rs, n, rows)
	case pairs:
		packLeftRowsF32PairsAVX512(&dst[0], stride, a, cs, n, rows)
	default:
		packLeftRowsF32AVX512(&dst[0], stride, a, cs, n, rows)
	}
	j.finishPanel(dst, n*j.tileRows, dtype.F32)
}

// roundWide is roundBlocks with AVX-512.
func (k *kernel) roundWide(panel []float32) int {
	blocks := len(panel) / 16
	if k.set < isa.AVX512 || blocks == 0 {
		return 0
	}
	roundAVX512(&panel[0], blocks)
	return 16 * blocks
}

// packRightWide is packRight with AVX-512, and says whether that is in use.
func (j *job) packRightWide(dst []float32, from, depth, j0, j1 int) bool {
	if j.set < isa.AVX512 {
		return false
	}
	first, n := j.steps(from, depth)
	for col := j0; col < j1; col += j.tileCols {
		panel := dst[(col-j0)*depth : (col-j0+j.tileCols)*depth]
		cols := min(j.tileCols, j1-col)
		if !j.b.trans {
			j.packRowsWide(panel, first*j.b.ld+col, n, cols)
			j.finishPanel(panel, n*j.tileCols, j.b.dtype)
			continue
		}
		if cols < j.tileCols {
			clear(panel)
		}
		for h := 0; h < cols; h += 16 {
			j.packColumnsWide(panel[h:], (col+h)*j.b.ld+first, n, min(16, cols-h))
		}
		j.finishPanel(panel, n*j.tileCols, j.b.dtype)
	}
	return true
}

// finishPanel rounds a panel of float32 words to bfloat16 values, if that is the
// product's, and fills it up with zeros from element n on.
func (j *job) finishPanel(panel []float32, n int, d dtype.DType) {
	if !j.bf16 || j.wordSteps == 2 {
		return
	}
	clear(panel[n:])
	if d != dtype.BF16 { // the kernel takes subnormal numbers for zeros
		j.roundBF16(panel[:n])
	}
}

// packColumnsWide packs up to 16 columns of a transposed B, stored as rows from
// element number `at` on.
func (j *job) packColumnsWide(panel []float32, at, n, cols int) {
	dst, stride, ld := &panel[0], uintptr(4*j.tileCols), uintptr(j.b.dtype.Size()*j.b.ld)
	pairs := j.wordSteps == 2
	switch d := j.b.dtype; {
	case d == dtype.F32 && pairs:
		packColumnsF32PairsAVX512(dst, stride, &j.b.f32[at], ld, n, cols)
	case d == dtype.F32:
		packColumnsF32AVX512(dst, stride, &j.b.f32[at], ld, n, cols)
	case d == dtype.BF16 && pairs:
		packColumnsBF16PairsAVX512(dst, stride, &j.b.u16[at], ld, n, cols)
	case d == dtype.BF16:
		packColumnsBF16AVX512(dst, stride, &j.b.u16[at], ld, n, cols)
	case pairs:
		packColumnsF16PairsAVX512(dst, stride, &j.b.u16[at], ld, n, cols)
	default:
		packColumnsF16AVX512(dst, stride, &j.b.u16[at], ld, n, cols)
	}
}

// packRowsWide packs a panel of a B whose rows are contiguous, from element
// number `at` on.
func (j *job) packRowsWide(panel []float32, at, n, cols int) {
	dst, stride, ld := &panel[0], uintptr(4*j.tileCols), uintptr(j.b.dtype.Size()*j.b.ld)
	pairs := j.wordSteps == 2
	switch d := j.b.dtype; {
	case d == dtype.F32 && pairs:
		packRowsF32PairsAVX512(dst, stride, &j.b.f32[at], ld, n, cols)
	case d == dtype.F32:
		packRowsF32AVX512(dst, stride, &j.b.f32[at], ld, n, cols)
	case d == dtype.BF16 && pairs:
		packRowsBF16PairsAVX512(dst, stride, &j.b.u16[at], ld, n, cols)
	case d == dtype.BF16:
		packRowsBF16AVX512(dst, stride, &j.b.u16[at], ld, n, cols)
	case pairs:
		packRowsF16PairsAVX512(dst, stride, &j.b.u16[at], ld, n, cols)
	default:
		packRowsF16AVX512(dst, stride, &j.b.u16[at], ld, n, cols)
	}
}
