package train

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/sysinfo"
)

// chooseRecompute settles train.recompute: auto keeps every activation where
// they take at most half of the memory that is free beside the weights, and
// refuses a run that does not fit at all.
func (t *trainer) chooseRecompute() error {
	keep, again := t.activationBytes(false), t.activationBytes(true)
	free := sysinfo.AvailableMemory()
	switch t.cfg.Train.Recompute {
	case "always":
		t.model.Recompute = true
	case "auto":
		weights := uint64(t.model.WeightBytes())
		t.model.Recompute = free > 0 && keep > (free-min(free, weights))/2
	}
	need := keep
	if t.model.Recompute {
		need = again
		t.opt.Reporter.Message(fmt.Sprintf("recomputing activations in the backward pass: %.1f GB instead of %.1f GB", float64(again)/1e9, float64(keep)/1e9))
	}
	need += t.adapterBytes() + uint64(t.model.WeightBytes())
	if free > 0 && need > free {
		return &MemoryError{need, free}
	}
	return nil
}

// activationBytes estimates the arena of the largest micro-batch.
func (t *trainer) activationBytes(recompute bool) uint64 {
	tokens := uint64(min(t.cfg.Train.MicroBatchSize, t.cfg.Train.BatchSize) * t.train.Longest())
	return t.model.Config.ActivationBytes(tokens, recompute, t.cfg.LoRA.Dropout > 0)
}

// adapterBytes is what the factors take: value, gradient, two moments, and the
// partial sums of the batch's tree.
func (t *trainer) adapterBytes() uint64 {
	levels := 1
	for 1<<levels <= t.cfg.Train.BatchSize {
		levels++
	}
	var n uint64
	for _, p := range t.pairs {
		n += uint64(len(p.A.Value.Data) + len(p.B.Value.Data))
	}
	return 4 * n * uint64(4+levels)
}
