//go:build (amd64 || arm64) && !noasm

package blas

import "github.com/stablelora/stablelora/internal/dtype"

// multiplyNarrow computes a tile of 16 columns, or fewer, with AVX2 or NEON where
// one is in use.
func (k *kernel) multiplyNarrow(t *tile) {
	switch {
	case k.set != narrowSet:
		t.multiplyGeneric()
	case t.cols == k.tileCols:
		t.multiplyWhole()
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
		part.multiplyWhole()
		for i := range t.rows {
			copy(t.c[i*t.ldc:i*t.ldc+t.cols], c[i*tileCols:])
		}
	}
}

func (t *tile) multiplyWhole() {
	if t.bf16 {
		t.multiplyPairs()
		return
	}
	a, b, c := &t.a.data[0], &t.b[0], &t.c[0]
	rs, cs, ldb, ldc := uintptr(4*t.a.rs), uintptr(4*t.a.cs), uintptr(4*t.ldb), uintptr(4*t.ldc)
	switch t.rows {
	case 1:
		tile1Kernel(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 2:
		tile2Kernel(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 3:
		tile3Kernel(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 4:
		tile4Kernel(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 5:
		tile5Kernel(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	case 6:
		tile6Kernel(t.depth, a, rs, cs, b, ldb, c, ldc, t.acc)
	}
}

// multiplyPanels computes whole tiles below one another, as many as the assembly
// can, and returns their number: packed panels of A, which follow one another in
// a, by one panel b.
func (k *kernel) multiplyPanels(n, depth int, a, b, c []float32, ldc int, acc bool) int {
	if k.set != narrowSet || n == 0 {
		return 0
	}
	panelsKernel(n, depth, &a[0], &b[0], &c[0], uintptr(4*ldc), acc)
	return n
}

// packWholeColumns packs as many of the first steps of tileCols columns, stored
// as rows from element number `from` on, as the assembly can and returns their
// number.
func (k *kernel) packWholeColumns(panel []float32, b right, from, depth int) int {
	blocks := depth / 8
	if k.set != narrowSet || blocks == 0 {
		return 0
	}
	for j := 0; j < k.tileCols; j += 8 {
		dst, at, ld := &panel[j], from+j*b.ld, uintptr(b.dtype.Size()*b.ld)
		switch b.dtype {
		case dtype.F32:
			packColumnsF32Kernel(dst, &b.f32[at], ld, blocks)
		case dtype.BF16:
			packColumnsBF16Kernel(dst, &b.u16[at], ld, blocks)
		default:
			packColumnsF16Kernel(dst, &b.u16[at], ld, blocks)
		}
	}
	return 8 * blocks
}

// packRows packs tileCols columns, stored in rows of which the first begins at
// element number `from`, and says whether it did.
func (k *kernel) packRows(panel []float32, b right, from, depth int) bool {
	if k.set != narrowSet {
		return false
	}
	ld := uintptr(b.dtype.Size() * b.ld)
	switch b.dtype {
	case dtype.F32:
		packRowsF32Kernel(&panel[0], &b.f32[from], ld, depth)
	case dtype.BF16:
		packRowsBF16Kernel(&panel[0], &b.u16[from], ld, depth)
	default:
		packRowsF16Kernel(&panel[0], &b.u16[from], ld, depth)
	}
	return true
}

// roundBlocks rounds the first elements of a panel to bfloat16 values, as many as
// the assembly can, and returns their number.
func (k *kernel) roundBlocks(panel []float32) int {
	blocks := len(panel) / 8
	if k.set != narrowSet || blocks == 0 {
		return 0
	}
	roundKernel(&panel[0], blocks)
	return 8 * blocks
}
