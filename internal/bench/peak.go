package bench

import (
	"slices"
	"time"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/parallel"
)

// peakFlops measures the multiply-adds of all threads together, in operations
// per second: the median of some short windows.
func peakFlops() float64 {
	const (
		window  = 20 * time.Millisecond
		windows = 15
	)
	rounds := 1 << 12
	var rates []float64
	for len(rates) < windows {
		flops := make([]float64, parallel.Threads())
		start := time.Now()
		parallel.For(len(flops), func(i int) { flops[i] = blas.MultiplyAdds(rounds) })
		took := time.Since(start)
		if took < window/2 {
			rounds *= 2
			continue
		}
		sum := 0.0
		for _, n := range flops {
			sum += n
		}
		rates = append(rates, sum/took.Seconds())
	}
	slices.Sort(rates)
	return rates[windows/2]
}
