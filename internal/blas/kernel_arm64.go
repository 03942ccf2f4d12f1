//go:build !noasm

package blas

import "github.com/stablelora/stablelora/internal/isa"

// narrowSet is the instruction set of the kernels that kernel_narrow.go calls.
const narrowSet = isa.NEON

// wideDots are kernels that only amd64 has.
var wideDots dotKernels

func (k *kernel) multiplyTile(t *tile) { k.multiplyNarrow(t) }

// multiplyPairs computes a whole tile of bfloat16 values in packed panels. Where
// a sum was subnormal the kernel leaves C: NEON flushes more of those than the
// bfloat16 mode does.
func (t *tile) multiplyPairs() {
	a, b, c, pairs, ldc := &t.a.data[0], &t.b[0], &t.c[0], t.depth/2, uintptr(4*t.ldc)
	subnormal := false
	switch t.rows {
	case 1:
		subnormal = pairs1Kernel(pairs, a, b, c, ldc, t.acc)
	case 2:
		subnormal = pairs2Kernel(pairs, a, b, c, ldc, t.acc)
	case 3:
		subnormal = pairs3Kernel(pairs, a, b, c, ldc, t.acc)
	case 4:
		subnormal = pairs4Kernel(pairs, a, b, c, ldc, t.acc)
	case 5:
		subnormal = pairs5Kernel(pairs, a, b, c, ldc, t.acc)
	case 6:
		subnormal = pairs6Kernel(pairs, a, b, c, ldc, t.acc)
	}
	if subnormal {
		t.multiplyGeneric()
	}
}

// packLeftRows packs as many of the first steps of tileRows rows as the assembly
// can and returns their number.
func (k *kernel) packLeftRows(dst, src []float32, ld, depth int) int {
	blocks := depth / 4
	if k.set != narrowSet || blocks == 0 {
		return 0
	}
	packLeftKernel(&dst[0], &src[0], uintptr(4*ld), blocks)
	return 4 * blocks
}

// peak does rounds of multiply-adds and returns how many there are in each.
func peak(rounds int, _ bool) (multiplyAdds int) {
	peakKernel(rounds)
	return peakChains * 8
}
