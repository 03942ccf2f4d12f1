//go:build !noasm

package blas

import (
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/isa"
)

func (k *kernel) multiplyTile(t *tile) {
	switch {
	case k.set >= isa.AVX512:
		k.multiplyWide(t)
	case k.set != isa.AVX2:
		t.multiplyGeneric()
	case t.cols == k.tileCols:
		t.multiplyAVX2()
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
		part.multiplyAVX2()
		for i := range t.rows {
			copy(t.c[i*t.ldc:i*t.ldc+t.cols], c[i*tileCols:])
		}
	}
}

func (t *tile) multiplyAVX2() {
	a, b, c := &t.a.data[0], &t.b[0], &t.c[0]
	if t.bf16 {
		multiplyPairsAVX2(t.rows, t.depth/2, a, b, c, uintptr(4*t.ldc), t.acc)
		return
	}
	rs, cs, ldb, ldc := uintptr(4*t.a.rs), uintptr(4*t.a.cs), uintptr(4*t.ldb), uintptr(4*t.ldc)
	switch t.rows {
	case 1:
		tile1AVX2(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 2:
		tile2AVX2(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 3:
		tile3AVX2(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 4:
		tile4AVX2(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 5:
		tile5AVX2(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 6:
		tile6AVX2(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	}
}

// multiplyPanels computes whole tiles below one another, as many as the assembly
// can, and returns their number: packed panels of A, which follow one another in
// a, by one panel b.
func (k *kernel) multiplyPanels(n, depth int, a, b, c []float32, ldc int, acc bool) int {
	if k.set != isa.AVX2 || n == 0 {
		return 0
	}
	panelsAVX2(n, depth, &a[0], &b[0], &c[0], uintptr(4*ldc), acc)
	return n
}

// multiplyPairsAVX2 is the tile of bfloat16 values in packed panels.
func multiplyPairsAVX2(rows, pairs int, a, b, c *float32, ldc uintptr, acc bool) {
	switch rows {
	case 1:
		pairs1AVX2(pairs, a, b, c, ldc, acc)
	case 2:
		pairs2AVX2(pairs, a, b, c, ldc, acc)
	case 3:
		pairs3AVX2(pairs, a, b, c, ldc, acc)
	case 4:
		pairs4AVX2(pairs, a, b, c, ldc, acc)
	case 5:
		pairs5AVX2(pairs, a, b, c, ldc, acc)
	case 6:
		pairs6AVX2(pairs, a, b, c, ldc, acc)
	}
}

// packLeftRows packs as many of the first steps of tileRows rows as the assembly
// can and returns their number. It stays 8 steps clear of the end, beyond which
// the last store would write.
func (k *kernel) packLeftRows(dst, src []float32, ld, depth int) int {
	blocks := (depth - 1) / 8
	if k.set != isa.AVX2 || blocks <= 0 {
		return 0
	}
	packLeftAVX2(&dst[0], &src[0], uintptr(4*ld), blocks)
	return 8 * blocks
}

// packWholeColumns packs as many of the first steps of tileCols columns, stored
// as rows from element number `from` on, as the assembly can and returns their
// number.
func (k *kernel) packWholeColumns(panel []float32, b right, from, depth int) int {
	blocks := depth / 8
	if k.set != isa.AVX2 || blocks == 0 {
		return 0
	}
	for j := 0; j < k.tileCols; j += 8 {
		dst, at, ld := &panel[j], from+j*b.ld, uintptr(b.dtype.Size()*b.ld)
		switch b.dtype {
		case dtype.F32:
			packColumnsF32AVX2(dst, &b.f32[at], ld, blocks)
		case dtype.BF16:
			packColumnsBF16AVX2(dst, &b.u16[at], ld, blocks)
		default:
			packColumnsF16AVX2(dst, &b.u16[at], ld, blocks)
		}
	}
	return 8 * blocks
}

// packRows packs tileCols columns, stored in rows of which the first begins at
// element number `from`, and says whether it did.
func (k *kernel) packRows(panel []float32, b right, from, depth int) bool {
	if k.set != isa.AVX2 {
		return false
	}
	ld := uintptr(b.dtype.Size() * b.ld)
	switch b.dtype {
	case dtype.F32:
		packRowsF32AVX2(&panel[0], &b.f32[from], ld, depth)
	case dtype.BF16:
		packRowsBF16AVX2(&panel[0], &b.u16[from], ld, depth)
	default:
		packRowsF16AVX2(&panel[0], &b.u16[from], ld, depth)
	}
	return true
}

// roundBlocks rounds the first elements of a panel to bfloat16 values, as many as
// the assembly can, and returns their number.
func (k *kernel) roundBlocks(panel []float32) int {
	blocks := len(panel) / 8
	if k.set != isa.AVX2 || blocks == 0 {
		return 0
	}
	roundAVX2(&panel[0], blocks)
	return 8 * blocks
}

// peak does rounds of multiply-adds on the best instruction set there is and
// returns how many there are in each; 0 if it has none.
func peak(rounds int, bf16 bool) (multiplyAdds int) {
	sets := isa.Available()
	switch best := sets[len(sets)-1]; {
	case best == isa.AVX512BF16 && bf16:
		peakPairsAVX512(rounds)
		return 28 * 16 * 2
	case best >= isa.AVX512:
		peakAVX512(rounds)
		return 28 * 16
	case best == isa.AVX2:
		peakAVX2(rounds)
		return peakChains * 8
	}
	return 0
}
