package vec

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stablelora/stablelora/internal/dtype"
)

// recorded are hashes of each function's results on numbers that are the same
// everywhere. They are what makes bits comparable between architectures, which
// cannot be run side by side: a change here is a change of results.
var recorded = map[string]uint64{
	"SwiGLU":                  0xf24b162e556e6826,
	"SwiGLUBackward":          0x1aaf20a4c55010a0,
	"SwiGLUBackward in place": 0x36d4ac0c6e302e24,
	"Softmax":                 0x99723aad96a1c0a8,
	"SoftmaxBackward":         0x8080fa9376e60668,
	"Max":                     0x26d7fe7fd68179a9,
	"LogSumExp":               0x79520be7bc74cf99,
	"ExpScale":                0xab4cb0b8a1c033b5,
	"RMSNorm":                 0xc23571a0ef08cbbb,
	"RMSNormBackward":         0x42df249aff82219c,
	"Add":                     0x77be02e9a237182,
	"Scale":                   0xd7e6f842fdd25683,
	"Dot":                     0xfe2bec2d6e5cf791,
	"Rotate":                  0xcd4ad3f5b6da40a0,
	"AdamW":                   0xfc2508a669dff60e,
	"AdamW from the gradient": 0x319c4d3e19a9a76b,
	"BF16":                    0x72702ea909b59bc2,
	"F16":                     0x8601c1b45eff3766,
}

// exactly returns a source of numbers made without rounding: between -8 and 8
// or, if wild, every 16th of any exponent.
func exactly(r *rand.Rand, wild bool) func() float32 {
	return func() float32 {
		u := r.Uint32()
		if wild && u%16 == 0 {
			return math.Float32frombits(r.Uint32())
		}
		return float32(int32(u)) / (1 << 28)
	}
}

// hashOf continues FNV-1a over words, every NaN being the same.
func hashOf(words [][]float32, result float64) uint64 {
	h := fnv.New64a()
	put := func(x float64) {
		bits := math.Float64bits(x)
		if x != x {
			bits = 0x7ff8 << 48
		}
		_ = binary.Write(h, binary.LittleEndian, bits)
	}
	for _, s := range words {
		for _, x := range s {
			put(float64(x))
		}
	}
	put(result)
	return h.Sum64()
}

func TestRecordedBits(t *testing.T) {
	withEach(t, func(t *testing.T) {
		for _, o := range ops {
			r := rand.New(rand.NewPCG(1, 2))
			sum := uint64(0)
			for i, n := range []int{1, 3, 15, 16, 31, 100, 1021, 1, 3, 17, 40} {
				s := make([][]float32, o.slices)
				value := exactly(r, i > 6)
				for k := range s {
					s[k] = make([]float32, n)
					for i := range s[k] {
						s[k][i] = value()
					}
				}
				result := o.run(s)
				sum = sum*31 + hashOf(s, result)
			}
			if sum != recorded[o.name] {
				t.Errorf("%q: %#x, recorded is %#x", o.name, sum, recorded[o.name])
			}
		}
		r := rand.New(rand.NewPCG(3, 4))
		for _, d := range []dtype.DType{dtype.BF16, dtype.F16} {
			wide, narrow, value := make([]float32, 1001), make([]uint16, 1001), exactly(r, true)
			for i := range wide {
				wide[i] = value()
			}
			Round(narrow, wide, d)
			Widen(wide, narrow, d)
			if sum := hashOf([][]float32{wide}, 0); sum != recorded[d.String()] {
				t.Errorf("%q: %#x, recorded is %#x", d, sum, recorded[d.String()])
			}
		}
	})
}
