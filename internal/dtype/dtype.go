package dtype

import (
	"fmt"
	"math"
)

// DType is the storage format of a weight.
type DType uint8

// The formats a model's weights may have.
const (
	F32 DType = iota
	F16
	BF16
)

// String returns the name safetensors uses.
func (d DType) String() string {
	switch d {
	case F32:
		return "F32"
	case F16:
		return "F16"
	case BF16:
		return "BF16"
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// Size is the number of bytes of one element.
func (d DType) Size() int {
	if d == F32 {
		return 4
	}
	return 2
}

// FromBF16 widens a bfloat16; every value is exact.
func FromBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// ToBF16 rounds to bfloat16.
func ToBF16(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40 // quiet, so that truncation cannot make it an infinity
	}
	return uint16((b + 0x7fff + (b>>16)&1) >> 16)
}

// FromF16 widens an IEEE float16; every value is exact.
func FromF16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	frac := uint32(h & 0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac · 2^-24
		f := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// ToF16 rounds to IEEE float16; values above 65504 become infinite.
func ToF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b>>16) & 0x8000
	abs := b & 0x7fffffff
	switch {
	case abs > 0x7f800000:
		return sign | 0x7e00
	case abs >= 0x477ff000: // rounds to 65536 or more
		return sign | 0x7c00
	case abs < 0x38800000: // subnormal: let float32 addition round at 2^-24
		magic := math.Float32frombits(abs) + 0.5
		return sign | uint16(math.Float32bits(magic)-0x3f000000)
	}
	abs += 0xfff + (abs>>13)&1
	return sign | uint16((abs-0x38000000)>>13)
}

// Decoder returns the widening function of a 16-bit format.
func (d DType) Decoder() func(uint16) float32 {
	if d == BF16 {
		return FromBF16
	}
	return FromF16
}

// Encoder returns the rounding function of a 16-bit format.
func (d DType) Encoder() func(float32) uint16 {
	if d == BF16 {
		return ToBF16
	}
	return ToF16
}
