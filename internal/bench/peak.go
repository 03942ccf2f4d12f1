package bench

import (
	"slices"
	"time"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Peaks are samples of the machine's peak of multiply-adds, in GFLOP/s.
type Peaks struct {
	compute    tensor.Compute // of which the peak is
	PeakGFlops float64        `json:"peak_gflops"` // of all threads; the largest of some samples
	LowestPeak float64        `json:"lowest_peak_gflops"`
}

// sample measures the peak once more. The lowest sample beside the largest tells
// whether something else was using the machine.
func (p *Peaks) sample() {
	multiplyAdds := blas.MultiplyAdds
	if p.compute == tensor.BF16 {
		multiplyAdds = blas.MultiplyAddsBF16
	}
	peak := peakFlops(multiplyAdds) / 1e9
	if p.PeakGFlops == 0 {
		p.LowestPeak = peak
	}
	p.PeakGFlops, p.LowestPeak = max(p.PeakGFlops, peak), min(p.LowestPeak, peak)
}

// Busy says that the machine was doing something else too: figures are then too
// low.
func (p *Peaks) Busy() bool { return p.LowestPeak < 0.9*p.PeakGFlops }

// peakFlops measures a loop of package blas on all threads together, in operations
// per second: the median of some short windows.
func peakFlops(multiplyAdds func(rounds int) float64) float64 {
	const (
		window  = 20 * time.Millisecond
		windows = 15
	)
	rounds := 1 << 12
	var rates []float64
	for len(rates) < windows {
		flops := make([]float64, parallel.Threads())
		start := time.Now()
		parallel.For(len(flops), func(i int) { flops[i] = multiplyAdds(rounds) })
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

// readSpeed measures how fast all threads together read x, which should be far
// larger than the caches, in bytes per second: the median of some passes. It
// copies to a buffer that stays in the innermost cache.
func readSpeed(x []uint16) float64 {
	const passes = 5
	var rates []float64
	for range passes {
		start := time.Now()
		parallel.Range(len(x), 1<<19, func(lo, hi int) {
			var buffer [1 << 13]uint16
			for part := x[lo:hi]; len(part) > 0; {
				part = part[copy(buffer[:], part):]
			}
		})
		rates = append(rates, 2*float64(len(x))/time.Since(start).Seconds())
	}
	slices.Sort(rates)
	return rates[passes/2]
}
