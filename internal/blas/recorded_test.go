package blas

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"

	"github.com/stablelora/stablelora/internal/dtype"
)

// recorded are hashes of products of numbers that are the same everywhere. They
// are what makes bits comparable between architectures, which cannot be run side
// by side: a change here is a change of results.
var recorded = map[string]uint64{
	"Dots BF16":     0x3fab7d1ef30634e8,
	"Dots F16":      0x54abaf8477599350,
	"Dots F32":      0x407a0e7251fd8643,
	"GemmBF16 NN":   0x7537c9e5ff7dcc39,
	"GemmBF16 NT":   0xed324cd34b436f85,
	"GemmBF16 TN":   0xa8bf4942f2df12cb,
	"GemmBF16 TT":   0xd68a4046d79d57bf,
	"Mul BF16":      0x4d2e77d513746238,
	"Mul F16":       0x5b11bb4ec87136ad,
	"Mul F32":       0xd98fff44c0f26c06,
	"MulT BF16":     0xeab661c95e371d60,
	"MulT F16":      0x35804f9f40d769b4,
	"MulT F32":      0x712c86096d0d8a10,
	"MulTBF16 BF16": 0xed324cd34b436f85,
	"MulTBF16 F16":  0xf6f1396d5e93a9ab,
	"MulTBF16 F32":  0xed324cd34b436f85,
	"Sgemm NN":      0xd98fff44c0f26c06,
	"Sgemm NT":      0x712c86096d0d8a10,
	"Sgemm TN":      0xe9052101c32c8e18,
	"Sgemm TT":      0xad080e737f7fb02b,
}

// exact returns n numbers made without rounding, between -2 and 2, of which some
// are tiny.
func exact(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		u := r.Uint32()
		x[i] = float32(int32(u)) / (1 << 30)
		if u%64 == 0 {
			x[i] *= 1 << 60
			x[i] /= 1 << 120
		}
	}
	return x
}

func TestRecordedBits(t *testing.T) {
	const m, n, k = 13, 69, 530
	r := rand.New(rand.NewPCG(1, 2))
	a, b, c0 := exact(r, m*k), exact(r, n*k), exact(r, m*n)
	products := map[string]func(c []float32){}
	for mask := range 4 {
		tA, tB, lda, ldb := blas.NoTrans, blas.NoTrans, k, n
		if mask&1 != 0 {
			tA, lda = blas.Trans, m
		}
		if mask&2 != 0 {
			tB, ldb = blas.Trans, k
		}
		products[fmt.Sprintf("Sgemm %c%c", tA, tB)] = func(c []float32) {
			Implementation{}.Sgemm(tA, tB, m, n, k, 1, a, lda, b, ldb, 1, c, n)
		}
		products[fmt.Sprintf("GemmBF16 %c%c", tA, tB)] = func(c []float32) {
			GemmBF16(tA, tB, m, n, k, a, lda, b, ldb, c, n, true)
		}
	}
	for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
		w := Source{DType: d, Rows: n, Cols: k, F32: b, U16: make([]uint16, n*k)}
		for i, x := range b {
			w.U16[i] = d.Encoder()(x)
		}
		wT := w
		wT.Rows, wT.Cols = k, n
		products["MulT "+d.String()] = func(c []float32) { MulT(c, n, a, k, m, w, true) }
		products["Mul "+d.String()] = func(c []float32) { Mul(c, n, a, k, m, wT, true) }
		products["MulTBF16 "+d.String()] = func(c []float32) { MulTBF16(c, n, a, k, m, w, true) }
		products["Dots "+d.String()] = func(c []float32) { Dots(c, n, a, k, m, w, true) }
	}
	withKernel(t, func(t *testing.T) {
		for name, product := range products {
			c := append([]float32(nil), c0...)
			product(c)
			h := fnv.New64a()
			for _, x := range c {
				_ = binary.Write(h, binary.LittleEndian, math.Float32bits(x))
			}
			if h.Sum64() != recorded[name] {
				t.Errorf("%q: %#x, recorded is %#x", name, h.Sum64(), recorded[name])
			}
		}
	})
}
