package blas

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/isa"
	"github.com/stablelora/stablelora/internal/parallel"
)

// Products with weights that take several rounds of rows, blocks of k and parts,
// each of random shape, format and arithmetic, at elements drawn at random.
func TestLargeProducts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes under emulation")
	}
	defer parallel.SetThreads(parallel.Threads())
	defer isa.Use(isa.Current())
	for _, set := range isa.Available()[1:] { // in plain Go they would take minutes
		isa.Use(set)
		r := rand.New(rand.NewPCG(10, 10))
		for i := range 15 {
			parallel.SetThreads(1 + i%4)
			d := dtype.DType(i % 3)
			trans, acc, bf16 := r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0
			m, n, k := 1+r.IntN([]int{20, 400, maxRows + 300}[r.IntN(3)]), 1+r.IntN(500), 1+r.IntN(2600)
			rows, cols := k, n
			if trans {
				rows, cols = n, k
			}
			a, w, c := newGuarded(m, k, k+i%2, 1, r), newGuarded(rows, cols, cols, 0, r), newGuarded(m, n, n+1, 2, r)
			src, got := source(w, d, i%5), c.clone()
			src.multiply("", got.data, got.stride, a.data, a.stride, m, trans, acc, bf16)
			for range 300 {
				row, col := r.IntN(m), r.IntN(n)
				if r.IntN(3) == 0 { // where tiles are not whole
					row, col = m-1, n-1-r.IntN(min(n, 40))
				}
				want := guarded{rows: 1, cols: 1, stride: 1, data: []float32{c.data[row*c.stride+col]}}
				x := func(_, p int) float32 { return a.data[row*a.stride+p] }
				b := func(p, _ int) float32 { return w.element(trans)(p, col) }
				if bf16 {
					oracleBF16(&want, x, b, k, acc)
				} else {
					oracle(&want, x, b, k, acc)
				}
				if g := got.data[row*got.stride+col]; math.Float32bits(g) != math.Float32bits(want.data[0]) {
					t.Fatalf("%v, %v, %d x %d x %d, transposed %v, added %v, bfloat16 %v: element (%d, %d) is %x, want %x",
						set, d, m, n, k, trans, acc, bf16, row, col, g, want.data[0])
				}
			}
			for i := range got.all { // what lies beside the elements is left
				if at := i - 2; (at < 0 || at%got.stride >= n || at >= m*got.stride) && math.Float32bits(got.all[i]) != guard {
					t.Fatalf("%v, %v, %d x %d x %d: wrote word %d", set, d, m, n, k, at)
				}
			}
		}
	}
}
