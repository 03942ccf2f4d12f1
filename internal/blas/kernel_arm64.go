//go:build !noasm

package blas

import (
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/isa"
)

func (k *kernel) multiplyTile(t *tile) {
	switch {
	case k.set != isa.NEON:
		t.multiplyGeneric()
	case t.cols == k.tileCols:
		t.multiplyNEON()
	default: // the kernel writes whole rows: let it do so elsewhere
		const tileRows, tileCols = 6, 16
		var c [tileRows * tileCols]float32
		part := *t
		part.c, part.ldc = c[:], tileCols
		if t.acc {
			for i := range t.rows {
				copy(c[i*tileCols:], t.c[i*t.ldc:i*t.ldc+t.cols])
			}
		}
		part.multiplyNEON()
		for i := range t.rows {
			copy(t.c[i*t.ldc:i*t.ldc+t.cols], c[i*tileCols:])
		}
	}
}

func (t *tile) multiplyNEON() {
	a, b, c := &t.a.data[0], &t.b[0], &t.c[0]
	if t.bf16 {
		if multiplyPairsNEON(t.rows, t.depth/2, a, b, c, uintptr(4*t.ldc), t.acc) {
			t.multiplyGeneric()
		}
		return
	}
	rs, cs, ldb, ldc := uintptr(4*t.a.rs), uintptr(4*t.a.cs), uintptr(4*t.ldb), uintptr(4*t.ldc)
	switch t.rows {
	case 1:
		tile1NEON(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 2:
		tile2NEON(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 3:
		tile3NEON(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 4:
		tile4NEON(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 5:
		tile5NEON(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 6:
		tile6NEON(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	}
}

// multiplyPanels computes whole tiles below one another, as many as the assembly
// can, and returns their number: packed panels of A, which follow one another in
// a, by one panel b.
func (k *kernel) multiplyPanels(n, depth int, a, b, c []float32, ldc int, acc bool) int {
	if k.set != isa.NEON || n == 0 {
		return 0
	}
	panelsNEON(n, depth, &a[0], &b[0], &c[0], uintptr(4*ldc), acc)
	return n
}

// multiplyPairsNEON is the tile of bfloat16 values in packed panels. Where a sum
// was subnormal it returns true and leaves C: NEON flushes more of those than the
// bfloat16 mode does.
func multiplyPairsNEON(rows, pairs int, a, b, c *float32, ldc uintptr, acc bool) bool {
	switch rows {
	case 1:
		return pairs1NEON(pairs, a, b, c, ldc, acc)
	case 2:
		return pairs2NEON(pairs, a, b, c, ldc, acc)
	case 3:
		return pairs3NEON(pairs, a, b, c, ldc, acc)
	case 4:
		return pairs4NEON(pairs, a, b, c, ldc, acc)
	case 5:
		return pairs5NEON(pairs, a, b, c, ldc, acc)
	}
	return pairs6NEON(pairs, a, b, c, ldc, acc)
}

// packLeftRows packs as many of the first steps of tileRows rows as the assembly
// can and returns their number.
func (k *kernel) packLeftRows(dst, src []float32, ld, depth int) int {
	blocks := depth / 4
	if k.set != isa.NEON || blocks == 0 {
		return 0
	}
	packLeftNEON(&dst[0], &src[0], uintptr(4*ld), blocks)
	return 4 * blocks
}

// packWholeColumns packs as many of the first steps of tileCols columns, stored
// as rows from element number `from` on, as the assembly can and returns their
// number.
func (k *kernel) packWholeColumns(panel []float32, b right, from, depth int) int {
	blocks := depth / 8
	if k.set != isa.NEON || blocks == 0 {
		return 0
	}
	for j := 0; j < k.tileCols; j += 8 {
		dst, at, ld := &panel[j], from+j*b.ld, uintptr(b.dtype.Size()*b.ld)
		switch b.dtype {
		case dtype.F32:
			packColumnsF32NEON(dst, &b.f32[at], ld, blocks)
		case dtype.BF16:
			packColumnsBF16NEON(dst, &b.u16[at], ld, blocks)
		default:
			packColumnsF16NEON(dst, &b.u16[at], ld, blocks)
		}
	}
	return 8 * blocks
}

// packRows packs tileCols columns, stored in rows of which the first begins at
// element number `from`, and says whether it did.
func (k *kernel) packRows(panel []float32, b right, from, depth int) bool {
	if k.set != isa.NEON {
		return false
	}
	ld := uintptr(b.dtype.Size() * b.ld)
	switch b.dtype {
	case dtype.F32:
		packRowsF32NEON(&panel[0], &b.f32[from], ld, depth)
	case dtype.BF16:
		packRowsBF16NEON(&panel[0], &b.u16[from], ld, depth)
	default:
		packRowsF16NEON(&panel[0], &b.u16[from], ld, depth)
	}
	return true
}

// roundBlocks rounds the first elements of a panel to bfloat16 values, as many as
// the assembly can, and returns their number.
func (k *kernel) roundBlocks(panel []float32) int {
	blocks := len(panel) / 8
	if k.set != isa.NEON || blocks == 0 {
		return 0
	}
	roundNEON(&panel[0], blocks)
	return 8 * blocks
}

// peak does rounds of multiply-adds and returns how many there are in each.
func peak(rounds int, _ bool) (multiplyAdds int) {
	peakNEON(rounds)
	return peakChains * 8
}
