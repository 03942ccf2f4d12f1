package data

import (
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/rng"
)

// Batches hands out the examples of a set step by step, epoch after epoch. Each
// step is a pure function of set, size and seed, so the number of the step is
// all a resumed run needs. It must not be used from several goroutines at once.
//
// An epoch goes through every file: w = 2 gives each of its examples twice, w =
// 0.5 half of them, another draw in every epoch. Its last batch may be smaller.
type Batches struct {
	set      *Set
	size     int
	seed     uint64
	shuffle  bool
	perEpoch int // examples

	epoch int   // that order belongs to; -1: none
	order []int // examples of an epoch
}

// NewBatches makes batches of up to size examples of a set that is not empty.
// Without shuffle an epoch goes through the files as they are.
func NewBatches(set *Set, size int, seed uint64, shuffle bool) *Batches {
	b := &Batches{set: set, size: size, seed: seed, shuffle: shuffle, epoch: -1}
	for _, f := range set.Files {
		times, drawn := f.share()
		b.perEpoch += times*f.Records + drawn
	}
	if b.perEpoch == 0 || size < 1 {
		panic("data: batches of no examples")
	}
	return b
}

// share says how often an epoch takes all examples of the file, and how many of
// them it takes once more; one at least of a file that has any.
func (f File) share() (times, drawn int) {
	whole, part := math.Modf(f.weight)
	times, drawn = int(whole), int(math.Round(part*float64(f.Records)))
	if times == 0 {
		drawn = max(drawn, min(1, f.Records))
	}
	return times, drawn
}

// StepsPerEpoch returns ceil(records/batch size).
func (b *Batches) StepsPerEpoch() int { return (b.perEpoch + b.size - 1) / b.size }

// Step returns the examples of a step, counted from 0 over all epochs.
func (b *Batches) Step(step int) []*Example {
	epoch, i := step/b.StepsPerEpoch(), step%b.StepsPerEpoch()
	if epoch != b.epoch {
		b.epoch, b.order = epoch, b.epochOrder(epoch)
	}
	numbers := b.order[i*b.size : min((i+1)*b.size, b.perEpoch)]
	examples := make([]*Example, len(numbers))
	for j, n := range numbers {
		examples[j] = b.set.Examples[n]
	}
	return examples
}

func (b *Batches) epochOrder(epoch int) []int {
	order := make([]int, 0, b.perEpoch)
	for i, f := range b.set.Files {
		times, drawn := f.share()
		for range times {
			for n := range f.Records {
				order = append(order, f.first+n)
			}
		}
		if drawn > 0 {
			draw := rng.New(b.seed, "weight", uint64(epoch), uint64(i)).Perm(f.Records)[:drawn]
			slices.Sort(draw)
			for _, n := range draw {
				order = append(order, f.first+n)
			}
		}
	}
	if b.shuffle {
		mixed := make([]int, len(order))
		for i, n := range rng.New(b.seed, "order", uint64(epoch)).Perm(len(order)) {
			mixed[i] = order[n]
		}
		order = mixed
	}
	return order
}
