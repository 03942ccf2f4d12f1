package blas

import "github.com/stablelora/stablelora/internal/dtype"

// right is the operand B in its stored format: element (k, j) is number
// k*ld + j, or j*ld + k of a transposed one.
type right struct {
	dtype dtype.DType
	f32   []float32
	u16   []uint16
	ld    int
	trans bool
}

// packLeft writes rows x depth elements of A as [depth][tileRows]; what lies
// beyond rows is left as it was.
func packLeft(dst []float32, a left, row, rows, k, depth int) {
	for i := range rows {
		src := a.data[(row+i)*a.rs+k*a.cs:]
		for p := range depth {
			dst[p*tileRows+i] = src[p*a.cs]
		}
	}
}

// packRight writes columns j0..j1 of depth rows of B, widened, as panels
// [depth][tileCols], the last one filled up with zeros.
func packRight(dst []float32, b right, k, depth, j0, j1 int) {
	for col := j0; col < j1; col += tileCols {
		panel := dst[(col-j0)*depth : (col-j0+tileCols)*depth]
		cols := min(tileCols, j1-col)
		if cols < tileCols {
			clear(panel)
		}
		if b.trans {
			packColumns(panel, b, k, depth, col, cols)
		} else {
			for p := range depth {
				b.widen(panel[p*tileCols:p*tileCols+cols], (k+p)*b.ld+col)
			}
		}
	}
}

// packColumns packs a panel of a transposed B, whose columns are contiguous.
func packColumns(panel []float32, b right, k, depth, col, cols int) {
	var wide [maxDepth]float32
	for j := range cols {
		from := (col+j)*b.ld + k
		src := wide[:depth]
		if b.dtype == dtype.F32 {
			src = b.f32[from : from+depth]
		} else {
			b.widen(src, from)
		}
		for p, v := range src {
			panel[p*tileCols+j] = v
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
