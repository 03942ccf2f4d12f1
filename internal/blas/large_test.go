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
// each of random shape, format and arithmetic.
func TestLargeProducts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes under emulation")
	}
	defer parallel.SetThreads(parallel.Threads())
	defer isa.Use(isa.Current())
	for _, set := range isa.Available()[1:] { // in plain Go they would take minutes, too
		isa.Use(set)
		t.Run(set.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(10, 10))
			for i := range 15 {
				parallel.SetThreads(1 + i%4)
				g := gemmCase{
					m: 1 + r.IntN([]int{20, 400, maxRows + 300}[r.IntN(3)]), n: 1 + r.IntN(500), k: 1 + r.IntN(2600),
					tB: r.IntN(2) == 0, acc: r.IntN(2) == 0, extra: i % 2, pad: i % 5,
				}
				checkLargeProduct(t, g, dtype.DType(i%3), r.IntN(2) == 0, r)
			}
		})
	}
}

// checkLargeProduct compares elements drawn at random with the oracle.
func checkLargeProduct(t *testing.T, g gemmCase, d dtype.DType, bf16 bool, r *rand.Rand) {
	t.Helper()
	rows, cols := g.k, g.n
	if g.tB {
		rows, cols = g.n, g.k
	}
	a, w, c := newGuarded(g.m, g.k, g.k+g.extra, 1, r), newGuarded(rows, cols, cols, 0, r), newGuarded(g.m, g.n, g.n+1, g.pad, r)
	src, got := source(w, d, g.pad), c.clone()
	src.multiply("", got.data, got.stride, a.data, a.stride, g.m, g.tB, g.acc, bf16)
	chain := oracle
	if bf16 {
		chain = oracleBF16
	}
	for range 300 {
		row, col := r.IntN(g.m), r.IntN(g.n)
		if r.IntN(3) == 0 { // where tiles are not whole
			row, col = g.m-1, g.n-1-r.IntN(min(g.n, 40))
		}
		at := row*c.stride + col
		want := guarded{rows: 1, cols: 1, stride: 1, data: []float32{c.data[at]}}
		chain(&want, func(_, p int) float32 { return a.data[row*a.stride+p] }, func(p, _ int) float32 { return w.element(g.tB)(p, col) }, g.k, g.acc)
		if math.Float32bits(got.data[at]) != math.Float32bits(want.data[0]) {
			t.Fatalf("%+v, %v, bfloat16 %v: element (%d, %d) is %x, want %x", g, d, bf16, row, col, got.data[at], want.data[0])
		}
	}
	for i, x := range got.all { // what lies beside the elements is left
		if at := i - g.pad; (at < 0 || at%got.stride >= g.n || at >= g.m*got.stride) && math.Float32bits(x) != guard {
			t.Fatalf("%+v, %v, bfloat16 %v: wrote word %d", g, d, bf16, at)
		}
	}
}
