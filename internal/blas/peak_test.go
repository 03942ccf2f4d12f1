package blas

import (
	"testing"
	"time"

	"github.com/stablelora/stablelora/internal/isa"
)

func TestMultiplyAdds(t *testing.T) {
	if n := MultiplyAdds(0); n != 0 {
		t.Errorf("no rounds did %v operations", n)
	}
	if n := MultiplyAdds(10); n != 240 && n != 1920 && n != 8960 { // 12 chains of 1 or 8 elements, 28 of 16
		t.Errorf("10 rounds did %v operations", n)
	}
	if n, f := MultiplyAddsBF16(10), MultiplyAdds(10); n != f && n != 2*f {
		t.Errorf("10 rounds did %v operations on bfloat16 and %v on float32", n, f)
	}
	// x is 0.5 for an odd number of rounds: each chain tends to 0.5/(1-0.5) = 1.
	var s float32
	if multiplyAddsGeneric(101, &s); s != peakChains {
		t.Errorf("the chains end at %v, want %d", s, peakChains)
	}
}

// The peak lies above what the largest tile reaches with its operands in L1.
func TestMultiplyAddsIsThePeak(t *testing.T) {
	if testing.Short() || isa.Current() == isa.Portable {
		t.Skip("times kernels")
	}
	const depth = 256
	kern := kernelFor(1000, 100, false)
	tileRows, tileCols := kern.tileRows, kern.tileCols
	a, b, c := make([]float32, tileRows*depth), make([]float32, tileCols*depth), make([]float32, tileRows*tileCols)
	tiles := func() float64 {
		tl := tile{rows: tileRows, cols: tileCols, depth: depth, a: left{a, 1, tileRows}, b: b, ldb: tileCols, c: c, ldc: tileCols}
		for range 200 {
			kern.multiplyTile(&tl)
		}
		return 200 * 2 * float64(tileRows*tileCols*depth)
	}
	rate := func(work func() float64) float64 {
		start := time.Now()
		return work() / 1e9 / time.Since(start).Seconds()
	}
	var peak, kernel float64
	for range 50 { // in turns: the clock may change
		peak = max(peak, rate(func() float64 { return MultiplyAdds(1 << 16) }))
		kernel = max(kernel, rate(tiles))
	}
	t.Logf("multiply-adds %.1f GFLOP/s, the tile %.1f", peak, kernel)
	if kernel > 1.1*peak {
		t.Errorf("the tile does %.1f GFLOP/s, the peak loop only %.1f", kernel, peak)
	}
}
