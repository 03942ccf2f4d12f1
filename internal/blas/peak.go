package blas

// peakChains is how many chains of multiply-adds run side by side, but for
// AVX-512, where the tile has 28.
const peakChains = 12

// MultiplyAdds keeps the calling goroutine's core busy with rounds of nothing
// but float32 multiply-adds, on the best instruction set there is whatever is in
// use, and returns the floating-point operations done, a multiply-add counting
// as two. Timed, it gives the machine's peak.
func MultiplyAdds(rounds int) float64 {
	return multiplyAdds(rounds, false)
}

// MultiplyAddsBF16 is MultiplyAdds with the dot-product instruction of bfloat16
// where there is one: the peak of the bfloat16 mode.
func MultiplyAddsBF16(rounds int) float64 { return multiplyAdds(rounds, true) }

func multiplyAdds(rounds int, bf16 bool) float64 {
	if rounds <= 0 {
		return 0
	}
	if n := peak(rounds, bf16); n > 0 {
		return 2 * float64(n) * float64(rounds)
	}
	var sum float32
	multiplyAddsGeneric(rounds, &sum)
	return 2 * peakChains * float64(rounds)
}

// multiplyAddsGeneric does peakChains multiply-adds of one element in each
// round and writes the sum of the chains. Compilers fuse them where the processor
// can.
//
//go:noinline
func multiplyAddsGeneric(rounds int, sum *float32) {
	var a, b, c, d, e, f, g, h, i, j, k, l float32
	x := float32(rounds&1) * 0.5
	for range rounds {
		a, b, c = a*x+x, b*x+x, c*x+x
		d, e, f = d*x+x, e*x+x, f*x+x
		g, h, i = g*x+x, h*x+x, i*x+x
		j, k, l = j*x+x, k*x+x, l*x+x
	}
	*sum = a + b + c + d + e + f + g + h + i + j + k + l
}
