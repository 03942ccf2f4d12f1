// Package fma is the fused multiply-add of float32 in plain Go: the oracle of every
// kernel, and what computes where there is no kernel. It is a leaf.
package fma

import "math"

// F32 returns a·b + c rounded once to float32, the bits of a hardware FMA.
//
// The product is exact in float64, so the sum s is rounded twice: to float64,
// then to float32. That differs from one rounding only where s lies exactly
// halfway between two float32 values, or where float32 has fewer bits left
// (subnormals); sumToOdd deals with those.
func F32(a, b, c float32) float32 {
	s := float64(a)*float64(b) + float64(c)
	if Delicate(s) {
		return float32(sumToOdd(a, b, c))
	}
	return float32(s)
}

// Delicate says whether rounding s to float32 may differ from rounding the
// exact sum. It is small enough to be inlined, as F32 is not.
func Delicate(s float64) bool {
	bits := math.Float64bits(s)
	return bits&0x1fffffff == 0x10000000 || bits<<1-1 < minNormal<<1-1
}

// minNormal is the float64 pattern of 2^-126. Below it lies, but for 0 itself,
// the range of float32's subnormals.
const minNormal = (1023 - 126) << 52

// sumToOdd is a·b + c rounded to odd: an inexact sum takes the neighbour whose
// last bit is 1, so that a second rounding, to float32, sees on which side of a
// halfway point the exact sum lies (Boldo and Melquiond 2008).
//
//go:noinline
func sumToOdd(a, b, c float32) float64 {
	p, q := float64(a)*float64(b), float64(c)
	s := p + q
	t := s - p // TwoSum: e is exactly p + q - s
	e := (p - (s - t)) + (q - t)
	bits := math.Float64bits(s)
	if (e > 0 || e < 0) && bits&1 == 0 { // not NaN, as after an infinite sum
		if (e > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return math.Float64frombits(bits)
}
