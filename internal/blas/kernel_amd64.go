//go:build !noasm

package blas

import "github.com/stablelora/stablelora/internal/isa"

// narrowSet is the instruction set of the kernels that kernel_narrow.go calls.
const narrowSet = isa.AVX2

func (k *kernel) multiplyTile(t *tile) {
	if k.set >= isa.AVX512 {
		k.multiplyWide(t)
	} else {
		k.multiplyNarrow(t)
	}
}

// multiplyPairs computes a whole tile of bfloat16 values in packed panels.
func (t *tile) multiplyPairs() {
	a, b, c, pairs, ldc := &t.a.data[0], &t.b[0], &t.c[0], t.depth/2, uintptr(4*t.ldc)
	switch t.rows {
	case 1:
		pairs1Kernel(pairs, a, b, c, ldc, t.acc)
	case 2:
		pairs2Kernel(pairs, a, b, c, ldc, t.acc)
	case 3:
		pairs3Kernel(pairs, a, b, c, ldc, t.acc)
	case 4:
		pairs4Kernel(pairs, a, b, c, ldc, t.acc)
	case 5:
		pairs5Kernel(pairs, a, b, c, ldc, t.acc)
	case 6:
		pairs6Kernel(pairs, a, b, c, ldc, t.acc)
	}
}

// packLeftRows packs as many of the first steps of tileRows rows as the assembly
// can and returns their number. It stays 8 steps clear of the end, beyond which
// the last store would write.
func (k *kernel) packLeftRows(dst, src []float32, ld, depth int) int {
	blocks := (depth - 1) / 8
	if k.set != narrowSet || blocks <= 0 {
		return 0
	}
	packLeftKernel(&dst[0], &src[0], uintptr(4*ld), blocks)
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
		peakKernel(rounds)
		return peakChains * 8
	}
	return 0
}
