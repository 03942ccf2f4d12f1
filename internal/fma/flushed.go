package fma

import "math"

// Flush returns x, or the zero of its sign where x is subnormal.
func Flush(x float32) float32 {
	bits := math.Float32bits(x)
	if bits&0x7f800000 == 0 {
		bits &= 1 << 31
	}
	return math.Float32frombits(bits)
}

// Flushed is F32 without subnormals: as each multiply-add of VDPBF16PS, and as
// VFMADD231PS with the flags DAZ and FTZ of MXCSR set. Subnormal operands count
// as zeros; a result is a zero where, rounded to 24 bits with an unbounded
// exponent, it lies below 2^-126.
func Flushed(a, b, c float32) float32 {
	s := sumToOdd(Flush(a), Flush(b), Flush(c))
	switch abs := math.Abs(s); {
	case abs < leastNormal-leastNormal/(1<<25):
		return math.Float32frombits(uint32(math.Float64bits(s)>>32) & (1 << 31))
	case abs < leastNormal:
		return float32(math.Copysign(leastNormal, s))
	}
	return float32(s)
}

// leastNormal is float32's smallest positive normal value.
const leastNormal = 0x1p-126
