package vec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/isa"
)

// withEach runs f for every instruction set.
func withEach(t *testing.T, f func(t *testing.T)) {
	defer isa.Use(isa.Current())
	for _, s := range isa.Available() {
		isa.Use(s)
		t.Run(s.String(), f)
	}
}

func TestWiden(t *testing.T) {
	src := make([]uint16, 1<<16+5) // every value, and a tail
	for i := range src {
		src[i] = uint16(i)
	}
	withEach(t, func(t *testing.T) {
		for _, d := range []dtype.DType{dtype.BF16, dtype.F16} {
			dst := make([]float32, len(src))
			Widen(dst, src, d)
			for i, h := range src {
				g, w := dst[i], d.Decoder()(h)
				if math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
					t.Fatalf("%v %#x: %x, want %x", d, h, g, w)
				}
			}
		}
	})
}

func TestRound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var src []float32
	for range 200_001 {
		b := r.Uint32()
		switch r.IntN(4) {
		case 0:
			b = b&^0xffff | 0x8000 // halfway for bfloat16
		case 1:
			b = b&^0x1fff | 0x1000 // and for float16
		case 2:
			b = b&^(0xff<<23) | uint32(100+r.IntN(50))<<23 // float16's range and around
		}
		src = append(src, math.Float32frombits(b))
	}
	withEach(t, func(t *testing.T) {
		for _, d := range []dtype.DType{dtype.BF16, dtype.F16} {
			for n := range 40 { // guards
				dst := make([]uint16, 60)
				Round(dst[10:10+n], src[n:2*n], d)
				for i, h := range dst {
					if (i < 10 || i >= 10+n) && h != 0 {
						t.Fatalf("%v, %d elements: wrote element %d", d, n, i-10)
					}
				}
			}
			dst := make([]uint16, len(src))
			Round(dst, src, d)
			for i, f := range src {
				if w := d.Encoder()(f); dst[i] != w {
					t.Fatalf("%v of %x (%#x): %#x, want %#x", d, f, math.Float32bits(f), dst[i], w)
				}
			}
		}
	})
}
