package nn

import (
	"fmt"
	"testing"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
)

// The attention of Qwen2-0.5B, one sequence, in operations per second of the
// causal half.
func BenchmarkAttention(b *testing.B) {
	att := &Attention{Heads: 14, KVHeads: 2, Width: 64}
	for _, n := range []int{256, 512, 1024} {
		q, k, v, do := random("q", n, 896), random("k", n, 128), random("v", n, 128), random("do", n, 896)
		o, dq, dk, dv := tensor.New(n, 896), tensor.New(n, 896), tensor.New(n, 128), tensor.New(n, 128)
		p := pass(n)
		work := 4 * 896 * float64(n*(n+1)/2)
		threads := parallel.Threads()
		parallel.SetThreads(1)
		b.Run(fmt.Sprintf("forward/%d", n), func(b *testing.B) {
			for b.Loop() {
				att.ForwardPass(o, q, k, v, p, p)
			}
			b.ReportMetric(work*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
		b.Run(fmt.Sprintf("backward/%d", n), func(b *testing.B) {
			for b.Loop() {
				att.BackwardPass(dq, dk, dv, do, q, k, v, p, p)
			}
			b.ReportMetric(2*work*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
		parallel.SetThreads(threads)
	}
}
