package cost

import (
	"fmt"
	"math/bits"

	"github.com/stablelora/stablelora/internal/model"
)

// Memory is what a run holds at its peak, by part, in bytes.
type Memory struct {
	Weights     uint64 // mapped from the model's files
	Activations uint64 // kept for the backward pass
	Working     uint64 // what a pass needs beside them: a block's, or a chunk of logits
	Factors     uint64 // A and B
	Gradients   uint64
	Moments     uint64 // of the optimizer
	Sums        uint64 // partial gradients of the batch's tree
	Packing     uint64 // products' buffers
	Program     uint64 // the program itself, tokenizer, records, and what awaits collection
}

// Total is the sum.
func (m Memory) Total() uint64 {
	return m.Weights + m.Pass() + m.Adapter() + m.Packing + m.Program
}

// Adapter is what depends on the number of trainable parameters.
func (m Memory) Adapter() uint64 { return m.Factors + m.Gradients + m.Moments + m.Sums }

// Pass is what depends on the size of a micro-batch.
func (m Memory) Pass() uint64 { return m.Activations + m.Working }

// Sizes are what memory depends on.
type Sizes struct {
	Config      *model.Config
	WeightBytes uint64
	Pass        model.PassSize // the largest micro-batch; Recompute is not looked at
	BatchSize   int
	Threads     int
	Other       uint64 // the caller's own: records, caches
}

// Memory adds up the parts, with or without recomputation.
func (s Sizes) Memory(recompute bool) Memory {
	p := s.Pass
	p.Recompute = recompute
	b := s.Config.PassBytes(p)
	factors := 4 * uint64(TrainableParameters(s.Config, p.Ranks))
	m := Memory{
		Weights: s.WeightBytes, Activations: b.Kept, Working: b.Peak - b.Kept,
		Factors:   2 * factors, // and the copy that the step's terms are measured with
		Gradients: factors, Moments: 2 * factors,
		Sums:    uint64(bits.Len(uint(s.BatchSize))) * factors,
		Packing: s.packing(), Program: programBytes + uint64(s.Config.VocabSize)*tokenBytes + s.Other,
	}
	m.Program += (m.Total() - m.Weights) * GarbagePercent / 100
	return m
}

// Inference adds up the parts of forward passes alone, of which the largest is
// s.Pass; what is cached between them is Other.
func (s Sizes) Inference() Memory {
	m := Memory{
		Weights: s.WeightBytes, Working: s.Config.ForwardBytes(s.Pass),
		Factors: 4 * uint64(TrainableParameters(s.Config, s.Pass.Ranks)),
		Packing: s.packing(), Program: programBytes + uint64(s.Config.VocabSize)*tokenBytes + s.Other,
	}
	m.Gradients = m.Factors // the place for them, which is not used
	return m
}

// Check returns a *MemoryError where so many bytes (0: not known) are not enough.
func (m Memory) Check(have uint64, remedy string) error {
	if have == 0 || m.Total() <= have {
		return nil
	}
	return &MemoryError{Need: m.Total(), Have: have, Remedy: remedy}
}

// GarbagePercent is how much memory, in percent of what is in use, may await
// collection while a run goes on. Most of it is a few large pieces without
// pointers, which cost a collection nothing.
const GarbagePercent = 5

const (
	programBytes = 30 << 20 // code and the runtime's own
	tokenBytes   = 320      // of the tokenizer for each token: text, ranks, look-up
	packedBytes  = 16 << 20 // of a left operand, at most (blas)
	packedRows   = 1020     // rows of it
	chunkBytes   = 128 << 10
)

// packing is what products keep: packed left operands, those outgrown among them,
// and each thread's part of the right one.
func (s Sizes) packing() uint64 {
	rows := uint64(min(s.Pass.Rows, packedRows))
	deepest := uint64(max(s.Config.IntermediateSize, s.Config.HiddenSize, s.Config.VocabSize))
	return 2*min(4*rows*deepest, packedBytes) + uint64(s.Threads)*chunkBytes
}

// TrainableParameters counts the elements of A and B.
func TrainableParameters(c *model.Config, ranks []model.Ranks) int64 {
	var n int64
	shapes := c.BlockShapes(0)
	for _, block := range ranks {
		for j, r := range block {
			n += int64(r) * int64(shapes[j].In+shapes[j].Out)
		}
	}
	return n
}

// Choose settles train.recompute for a machine with so many bytes to spare (0:
// not known): auto keeps activations where they take at most half of what is
// left beside the weights. A run that does not fit is a *MemoryError.
func (s Sizes) Choose(setting string, have uint64) (recompute bool, m Memory, err error) {
	m = s.Memory(false)
	switch setting {
	case "always":
		recompute = true
	case "auto":
		recompute = have > 0 && m.Pass() > (have-min(have, m.Weights))/2
	}
	if recompute {
		m = s.Memory(true)
	}
	return recompute, m, m.Check(have, "")
}

// MemoryError says that a run would not fit, before anything large is allocated.
type MemoryError struct {
	Need, Have uint64 // bytes
	Remedy     string
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("the run needs about %.1f GB and %.1f GB are available; %s", float64(e.Need)/1e9, float64(e.Have)/1e9, e.Remedy)
}
