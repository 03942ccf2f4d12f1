package blas

import (
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/isa"
)

// right is the operand B in its stored format: element (k, j) is number
// k*ld + j, or j*ld + k of a transposed one.
type right struct {
	dtype dtype.DType
	f32   []float32
	u16   []uint16
	ld    int
	trans bool
}

// packLeft writes rows of A, words from..from+depth, as [depth][tileRows]; what
// lies beyond rows is arbitrary.
func (j *job) packLeft(dst []float32, row, rows, from, depth int) {
	if j.packLeftWide(dst, row, rows, from, depth) {
		return
	}
	steps := min(depth, j.k-from)
	j.packLeftSteps(dst, j.a, row, rows, from, steps)
	if j.bf16 {
		clear(dst[steps*j.tileRows:])
		j.roundBF16(dst[:steps*j.tileRows])
	}
}

func (k *kernel) packLeftSteps(dst []float32, a left, row, rows, from, depth int) {
	src := a.data[row*a.rs+from*a.cs:]
	done := 0
	switch {
	case rows == k.tileRows && a.cs == 1:
		done = k.packLeftRows(dst, src, a.rs, depth)
	case rows == 6 && a.rs == 1: // as the next case, but without a call for each copy
		for ; done < depth; done++ {
			*(*[6]float32)(dst[done*k.tileRows:]) = [6]float32(src[done*a.cs:])
		}
	case a.rs == 1:
		for ; done < depth; done++ {
			copy(dst[done*k.tileRows:], src[done*a.cs:done*a.cs+rows])
		}
	}
	for i := range rows {
		for p := done; p < depth; p++ {
			dst[p*k.tileRows+i] = src[i*a.rs+p*a.cs]
		}
	}
}

// packRight writes columns j0..j1 of B, words from..from+depth, as panels
// [depth][tileCols], the last one filled up with zeros.
func (j *job) packRight(dst []float32, from, depth, j0, j1 int) {
	if j.packRightWide(dst, from, depth, j0, j1) {
		return
	}
	steps := min(depth, j.k-from)
	for col := j0; col < j1; col += j.tileCols {
		panel := dst[(col-j0)*depth : (col-j0+j.tileCols)*depth]
		cols := min(j.tileCols, j1-col)
		if cols < j.tileCols {
			clear(panel)
		}
		j.packPanel(panel, j.b, from, steps, col, cols)
		if j.bf16 {
			clear(panel[steps*j.tileCols:])
			if j.b.dtype != dtype.BF16 || j.set <= isa.NEON { // others flush subnormals in the kernel
				j.roundBF16(panel[:steps*j.tileCols])
			}
		}
	}
}

func (k *kernel) packPanel(panel []float32, b right, from, depth, col, cols int) {
	switch {
	case b.trans:
		k.packColumns(panel, b, from, depth, col, cols)
	case cols == k.tileCols && k.packRows(panel, b, from*b.ld+col, depth):
	default:
		for p := range depth {
			b.widen(panel[p*k.tileCols:p*k.tileCols+cols], (from+p)*b.ld+col)
		}
	}
}

// packColumns packs a panel of a transposed B, whose columns are contiguous.
func (k *kernel) packColumns(panel []float32, b right, from, depth, col, cols int) {
	done := 0
	if cols == k.tileCols {
		done = k.packWholeColumns(panel, b, col*b.ld+from, depth)
	}
	if done == depth {
		return
	}
	var buffer [64]float32
	for j := range cols {
		for p := done; p < depth; p += len(buffer) {
			wide := buffer[:min(len(buffer), depth-p)]
			b.widen(wide, (col+j)*b.ld+from+p)
			for i, v := range wide {
				panel[(p+i)*k.tileCols+j] = v
			}
		}
	}
}

// widen copies len(dst) elements from number `from` on as float32.
func (b *right) widen(dst []float32, from int) {
	switch b.dtype {
	case dtype.F32:
		copy(dst, b.f32[from:from+len(dst)])
	case dtype.BF16:
		for i, h := range b.u16[from : from+len(dst)] {
			dst[i] = dtype.FromBF16(h)
		}
	default:
		for i, h := range b.u16[from : from+len(dst)] {
			dst[i] = dtype.FromF16(h)
		}
	}
}
