package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/fma"
	"github.com/stablelora/stablelora/internal/parallel"
)

func TestGemmBits(t *testing.T) {
	sizes := [][3]int{ // m, n, k
		{1, 1, 1}, {1, 17, 3}, {1, 100, 70}, {2, 3, 0}, {3, 5, 7}, {5, 16, 8}, {6, 16, 9}, {7, 15, 33}, {12, 32, 1},
		{13, 31, 64}, {8, 8, 100}, {65, 8, 40}, {33, 129, 8}, {19, 90, 31}, {50, 70, 90}, {151, 70, 20}, {8, 200, 61},
	}
	withKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		for n, s := range sizes {
			for mask := range 8 {
				checkGemmCase(t, gemmCase{
					m: s[0], n: s[1], k: s[2], tA: mask&1 != 0, tB: mask&2 != 0, acc: mask&4 != 0,
					extra: (n + mask) % 3 * 2, pad: (n*8 + mask) % 16,
				}, r)
			}
		}
	})
}

// Every height of a tile has a kernel of its own, and panels of A have any.
func TestTileHeights(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(8, 8))
		for m := 1; m <= 30; m++ {
			checkGemmCase(t, gemmCase{m: m, n: 33, k: 5, tA: m%2 == 0, acc: m%3 == 0}, r)
			checkGemmCase(t, gemmCase{m: m, n: 70, k: 19, tA: m%4 == 0, tB: true, acc: m%3 == 1}, r)
			checkBF16(t, gemmCase{m: m, n: 33, k: 35, tA: m%2 == 0, acc: m%3 == 0}, func() float32 { return float32(r.NormFloat64()) }, r)
		}
	})
}

// A chain must go on across blocks of k, of rows and of packed columns.
func TestGemmBlockBoundaries(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		kern := kernelFor(1000, 100, false)
		sizes := [][3]int{
			{3, 5, kern.maxDepth - 1}, {3, 5, kern.maxDepth}, {7, 18, kern.maxDepth + 1}, {7, 70, 2*kern.maxDepth + 3},
			{kern.blockRows + 1, 17, 3}, {71, 100, 20}, {maxRows + 7, 66, 2}, {20, kern.chunkSize/64 + 1, 5},
		}
		r := rand.New(rand.NewPCG(2, 2))
		for n, s := range sizes {
			checkGemmCase(t, gemmCase{m: s[0], n: s[1], k: s[2], tA: n&1 != 0, tB: n&2 != 0, acc: n&1 == 0, extra: n % 2}, r)
		}
	})
}

func TestGemmAlignment(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		for pad := range 16 {
			r := rand.New(rand.NewPCG(3, 3)) // the same numbers each time
			checkGemmCase(t, gemmCase{m: 9, n: 21, k: 30, tB: true, acc: true, pad: pad}, r)
			checkGemmCase(t, gemmCase{m: 9, n: 48, k: 30, extra: 1, pad: pad}, r)
		}
	})
}

// Where A is large, it is packed and worked through in several rounds.
func TestGemmDeep(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	m, n, k := maxRows, 66, maxPackedA/maxRows+500
	a, b, c := newGuarded(m, k, k, 0, r), newGuarded(k, n, n, 0, r), newGuarded(m, n, n, 0, r)
	Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, m, n, k, 1, a.data, k, b.data, n, 0, c.data, n)
	for i := 0; i < m; i += 13 {
		for _, j := range []int{0, 15, 65} {
			x := float32(0)
			for p := range k {
				x = fma.F32(a.data[i*k+p], b.data[p*n+j], x)
			}
			if got := c.data[i*n+j]; got != x {
				t.Fatalf("row %d, column %d: %x, want %x", i, j, got, x)
			}
		}
	}
}

// NaN, infinities, subnormals and zero multipliers go through every chain.
func TestGemmSpecialValues(t *testing.T) {
	values := []float32{
		0, float32(math.Copysign(0, -1)), 1, -3, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
		math.SmallestNonzeroFloat32, 1e-39, -1e-40, 3e-23, -5e-20, math.MaxFloat32, -math.MaxFloat32,
	}
	withKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 5))
		for n := range 40 {
			m, n, k := 1+n%9, 40, 1+n%5
			a, b, c := newGuarded(m, k, k, 0, r), newGuarded(k, n, n, 0, r), newGuarded(m, n, n, 0, r)
			for _, g := range []*guarded{a, b, c} {
				for i := range g.rows * g.cols {
					g.data[i] = values[r.IntN(len(values))]
				}
			}
			want := c.clone()
			oracle(want, a.element(false), b.element(false), k, true)
			Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, m, n, k, 1, a.data, k, b.data, n, 1, c.data, n)
			if d := c.diff(want); d != "" {
				t.Fatalf("k %d: %s", k, d)
			}
		}
	})
}

func TestWeightProducts(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(6, 6))
		for n, s := range [][3]int{{1, 40, 33}, {1, 64, 513}, {2, 16, 16}, {7, 50, 47}, {30, 129, 70}, {13, 20, 530}} {
			for _, d := range []dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
				for mask := range 4 {
					acc := mask&1 != 0
					m, rows, cols, pad := s[0], s[1], s[2], n+mask
					w := newGuarded(rows, cols, cols, 0, r)
					src := source(w, d, pad)
					name := fmt.Sprintf("%v W %d x %d, m %d, acc %v", d, rows, cols, m, acc)
					if mask&2 == 0 {
						a, c := newGuarded(m, cols, cols+pad, pad, r), newGuarded(m, rows, rows+1, pad, r)
						want := c.clone()
						oracle(want, a.element(false), w.element(true), cols, acc)
						MulT(c.data, c.stride, a.data, a.stride, m, src, acc)
						if d := c.diff(want); d != "" {
							t.Fatalf("MulT %s: %s", name, d)
						}
					} else {
						a, c := newGuarded(m, rows, rows+pad, pad, r), newGuarded(m, cols, cols+1, pad, r)
						want := c.clone()
						oracle(want, a.element(false), w.element(false), rows, acc)
						Mul(c.data, c.stride, a.data, a.stride, m, src, acc)
						if d := c.diff(want); d != "" {
							t.Fatalf("Mul %s: %s", name, d)
						}
					}
				}
			}
		}
	})
}

// Every 16-bit pattern is widened exactly, on both ways of packing.
func TestWeightWidening(t *testing.T) {
	withKernel(t, func(t *testing.T) {
		for _, d := range []dtype.DType{dtype.F16, dtype.BF16} {
			w := Source{DType: d, Rows: 16, Cols: 4096, U16: make([]uint16, 1<<16)}
			for i := range w.U16 {
				if f := d.Decoder()(uint16(i)); f-f == 0 { // a NaN or infinity would spoil its row
					w.U16[i] = uint16(i)
				}
			}
			eye := make([]float32, 16*16)
			for i := range 16 {
				eye[i*17] = 1
			}
			c, ct := make([]float32, 1<<16), make([]float32, 1<<16)
			Mul(c, 4096, eye, 16, 16, w, false)
			w.Rows, w.Cols = 4096, 16
			MulT(ct, 4096, eye, 16, 16, w, false)
			for i, h := range w.U16 {
				want := d.Decoder()(h)
				if got := c[i]; got != want {
					t.Fatalf("Mul: %v %#x became %x, want %x", d, h, got, want)
				}
				if got := ct[i%16*4096+i/16]; got != want {
					t.Fatalf("MulT: %v %#x became %x, want %x", d, h, got, want)
				}
			}
		}
	})
}

func TestProductsDoNotAllocate(t *testing.T) {
	w := Source{DType: dtype.BF16, Rows: 200, Cols: 130, U16: make([]uint16, 200*130)}
	a, c, b := make([]float32, 70*200), make([]float32, 70*200), make([]float32, 130*200)
	defer parallel.SetThreads(parallel.Threads())
	parallel.SetThreads(2)
	for name, f := range map[string]func(){
		"MulT":  func() { MulT(c, 200, a, 130, 70, w, false) },
		"Mul":   func() { Mul(c, 130, a, 200, 70, w, true) },
		"Sgemm": func() { Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, 70, 200, 130, 1, a, 130, b, 200, 0, c, 200) },
		"bf16":  func() { MulTBF16(c, 200, a, 130, 70, w, false) },
	} {
		f()
		f()
		if n := testing.AllocsPerRun(20, f); n > 0.5 { // a worker may once need a buffer of its own
			t.Errorf("%s: %v allocations a call", name, n)
		}
	}
}

func FuzzGemm(f *testing.F) {
	f.Add(uint16(3), uint16(20), uint16(9), uint8(3), uint64(1))
	f.Add(uint16(13), uint16(65), uint16(520), uint8(0xff), uint64(2))
	f.Fuzz(func(t *testing.T, m, n, k uint16, bits uint8, seed uint64) {
		useKernel(t, int(bits>>3))
		checkGemmCase(t, gemmCase{
			m: int(m % 160), n: int(n % 160), k: int(k % 600), tA: bits&1 != 0, tB: bits&2 != 0, acc: bits&4 != 0,
			extra: int(bits >> 6), pad: int(bits >> 4),
		}, rand.New(rand.NewPCG(seed, 7)))
	})
}
