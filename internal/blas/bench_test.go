package blas

import (
	"fmt"
	"testing"

	"gonum.org/v1/gonum/blas"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/parallel"
)

// reportFlops reports GFLOP/s of a benchmark of m·n·k multiply-adds a round.
func reportFlops(b *testing.B, m, n, k int) {
	b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(0, "ns/op")
}

// The kernel on data in the first-level cache, on all threads: the ceiling for
// the products below, a few per cent under the machine's multiply-add peak.
func BenchmarkTile(b *testing.B) {
	const depth, rounds = 128, 200
	threads := parallel.Threads()
	kern := kernelFor(1000, 100, false)
	tileRows, tileCols := kern.tileRows, kern.tileCols
	tiles := make([]tile, threads)
	for i := range tiles {
		tiles[i] = tile{
			rows: tileRows, cols: tileCols, depth: depth, ldb: tileCols, ldc: tileCols,
			a: left{make([]float32, depth*tileRows), 1, tileRows},
			b: make([]float32, depth*tileCols), c: make([]float32, tileRows*tileCols),
		}
	}
	for b.Loop() {
		parallel.For(threads, func(i int) {
			for range rounds {
				kern.multiplyTile(&tiles[i])
			}
		})
	}
	reportFlops(b, tileRows*threads*rounds, tileCols, depth)
}

// coldWeights returns copies of a weight that together exceed the caches, as a
// model's weights do when they come around again.
func coldWeights(d dtype.DType, rows, cols int) []Source {
	copies := max(1, 96<<20/(rows*cols*d.Size()))
	w := make([]Source, copies)
	for i := range w {
		w[i] = Source{DType: d, Rows: rows, Cols: cols}
		if d == dtype.F32 {
			w[i].F32 = make([]float32, rows*cols)
		} else {
			w[i].U16 = make([]uint16, rows*cols)
		}
		for k := 0; k < rows*cols; k += 1024 { // pages never written are all one page
			if d == dtype.F32 {
				w[i].F32[k] = 1
			} else {
				w[i].U16[k] = 1
			}
		}
	}
	return w
}

func BenchmarkWeights(b *testing.B) {
	for _, s := range [][2]int{{896, 896}, {4864, 896}, {896, 4864}, {128, 896}} {
		for _, d := range []dtype.DType{dtype.BF16, dtype.F32} {
			w := coldWeights(d, s[0], s[1])
			for _, m := range []int{1, 16, 64, 256, 512} {
				x, y := make([]float32, m*s[1]), make([]float32, m*s[0])
				i := 0
				b.Run(fmt.Sprintf("MulT/%dx%d/%v/m=%d", s[0], s[1], d, m), func(b *testing.B) {
					for b.Loop() {
						MulT(y, s[0], x, s[1], m, w[i%len(w)], false)
						i++
					}
					reportFlops(b, m, s[0], s[1])
				})
				b.Run(fmt.Sprintf("Mul/%dx%d/%v/m=%d", s[0], s[1], d, m), func(b *testing.B) {
					for b.Loop() {
						Mul(x, s[1], y, s[0], m, w[i%len(w)], false)
						i++
					}
					reportFlops(b, m, s[0], s[1])
				})
			}
		}
	}
}

// The products of one LoRA module (rank 8) and of one head of attention.
func BenchmarkSgemm(b *testing.B) {
	for _, s := range []struct {
		name    string
		tA, tB  blas.Transpose
		m, n, k int
	}{
		{"h=xAᵀ", blas.NoTrans, blas.Trans, 512, 8, 896},
		{"y+=hBᵀ", blas.NoTrans, blas.Trans, 512, 896, 8},
		{"dh=dyB", blas.NoTrans, blas.NoTrans, 512, 8, 896},
		{"dx+=dhA", blas.NoTrans, blas.NoTrans, 512, 896, 8},
		{"dA=dhᵀx", blas.Trans, blas.NoTrans, 8, 896, 512},
		{"dB=dyᵀh", blas.Trans, blas.NoTrans, 896, 8, 512},
		{"qkᵀ", blas.NoTrans, blas.Trans, 64, 256, 64},
		{"pv", blas.NoTrans, blas.NoTrans, 64, 64, 256},
		{"pᵀdo", blas.Trans, blas.NoTrans, 256, 64, 64},
	} {
		a, x, c := make([]float32, s.m*s.k), make([]float32, s.k*s.n), make([]float32, s.m*s.n)
		lda, ldb := s.k, s.n
		if s.tA == blas.Trans {
			lda = s.m
		}
		if s.tB == blas.Trans {
			ldb = s.k
		}
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
				Implementation{}.Sgemm(s.tA, s.tB, s.m, s.n, s.k, 1, a, lda, x, ldb, 1, c, s.n)
			}
			reportFlops(b, s.m, s.n, s.k)
		})
	}
}
