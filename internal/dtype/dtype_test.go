package dtype

import (
	"math"
	"testing"
)

// Every 16-bit pattern must survive widening and rounding back.
func TestRoundTrip(t *testing.T) {
	for _, d := range []DType{F16, BF16} {
		from, to := d.Decoder(), d.Encoder()
		for h := 0; h < 1<<16; h++ {
			f := from(uint16(h))
			if f != f {
				if g := from(to(f)); g == g {
					t.Fatalf("%v: NaN %#x became %v", d, h, g)
				}
				continue
			}
			if got := to(f); got != uint16(h) {
				t.Fatalf("%v: %#x -> %v -> %#x", d, h, f, got)
			}
		}
	}
}

// Rounding is to the nearest neighbour, and to the even one halfway.
func TestRoundNearestEven(t *testing.T) {
	for _, d := range []DType{F16, BF16} {
		from, to := d.Decoder(), d.Encoder()
		last := uint16(0x7bff)
		if d == BF16 {
			last = 0x7f7f
		}
		for h := uint16(0); h < last; h++ {
			lo, hi := from(h), from(h+1)
			mid := float32((float64(lo) + float64(hi)) / 2)
			even := h + h&1
			for _, c := range []struct {
				in   float32
				want uint16
			}{{math.Nextafter32(mid, lo), h}, {mid, even}, {math.Nextafter32(mid, hi), h + 1}} {
				if (c.in == lo && c.want != h) || (c.in == hi && c.want != h+1) {
					continue // no float32 between the two
				}
				if got := to(c.in); got != c.want {
					t.Fatalf("%v: %v -> %#x, want %#x", d, c.in, got, c.want)
				}
				if got := to(-c.in); got != c.want|0x8000 {
					t.Fatalf("%v: %v -> %#x, want %#x", d, -c.in, got, c.want|0x8000)
				}
			}
		}
	}
	if got := ToF16(65519.996); got != 0x7bff {
		t.Errorf("65519.996 -> %#x, want the largest float16", got)
	}
	if got := ToF16(65520); got != 0x7c00 {
		t.Errorf("65520 -> %#x, want infinity", got)
	}
}
