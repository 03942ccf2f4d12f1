package vec

import (
	"github.com/stablelora/stablelora/internal/dtype"
)

// Widen writes src, elements of a 16-bit format, to dst.
func Widen(dst []float32, src []uint16, d dtype.DType) {
	mustMatch(len(dst), len(src))
	done := 0
	if blocks := len(dst) / 8; kernels() && blocks > 0 {
		if d == dtype.BF16 {
			widenBF16Kernel(blocks, &dst[0], &src[0])
		} else {
			widenF16Kernel(blocks, &dst[0], &src[0])
		}
		done = 8 * blocks
	}
	decode := d.Decoder()
	for i, h := range src[done:] {
		dst[done+i] = decode(h)
	}
}

// Round writes src, rounded to a 16-bit format, to dst.
func Round(dst []uint16, src []float32, d dtype.DType) {
	mustMatch(len(dst), len(src))
	done := 0
	if blocks := len(dst) / 8; kernels() && blocks > 0 {
		if d == dtype.BF16 {
			roundBF16Kernel(blocks, &dst[0], &src[0])
		} else {
			roundF16Kernel(blocks, &dst[0], &src[0])
		}
		done = 8 * blocks
	}
	encode := d.Encoder()
	for i, f := range src[done:] {
		dst[done+i] = encode(f)
	}
}
