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
	src := a.data[row*a.rs+k*a.cs:]
	done := 0
	switch {
	case rows == tileRows && a.cs == 1:
		done = packLeft6(dst, src, a.rs, depth)
	case rows == tileRows && a.rs == 1:
		for ; done < depth; done++ {
			*(*[tileRows]float32)(dst[done*tileRows:]) = [tileRows]float32(src[done*a.cs:])
		}
	}
	for i := range rows {
		for p := done; p < depth; p++ {
			dst[p*tileRows+i] = src[i*a.rs+p*a.cs]
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
		switch {
		case b.trans:
			packColumns(panel, b, k, depth, col, cols)
		case cols == tileCols && packRows16(panel, b, k*b.ld+col, depth):
		default:
			for p := range depth {
				b.widen(panel[p*tileCols:p*tileCols+cols], (k+p)*b.ld+col)
			}
		}
	}
}

// packColumns packs a panel of a transposed B, whose columns are contiguous.
func packColumns(panel []float32, b right, k, depth, col, cols int) {
	done := 0
	if cols == tileCols {
		done = packColumns16(panel, b, col*b.ld+k, depth)
	}
	if done == depth {
		return
	}
	var wide [maxDepth]float32
	for j := range cols {
		src := wide[done:depth]
		b.widen(src, (col+j)*b.ld+k+done)
		for p, v := range src {
			panel[(done+p)*tileCols+j] = v
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
