package train

import (
	"errors"
	"fmt"

	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/sysinfo"
)

// job is the run for the model of cost.
func (t *trainer) job() *cost.Job {
	return &cost.Job{
		Config: t.shape, WeightBytes: t.weightBytes, Ranks: t.adapter.Ranks(t.shape), Dropout: t.cfg.LoRA.Dropout > 0,
		Steps: t.total, MicroBatchSize: t.cfg.Train.MicroBatchSize, Batch: t.sequences,
		Recompute: t.cfg.Train.Recompute, Threads: parallel.Threads(), RecordBytes: t.recordBytes,
	}
}

// checkMemory settles train.recompute and refuses a run that does not fit.
func (t *trainer) checkMemory() error {
	j := t.job()
	sizes := j.Sizes(j.Survey())
	var err error
	t.recompute, t.memory, err = sizes.Choose(j.Recompute, sysinfo.AvailableMemory())
	if short := (*cost.MemoryError)(nil); errors.As(err, &short) {
		short.Remedy = "lower train.micro_batch_size, data.max_length or lora.r, or set train.recompute: always; the command plan tells what each would save"
		return short
	}
	t.largest = sizes.Pass
	t.largest.Recompute = t.recompute
	if t.recompute {
		t.opt.Reporter.Message(fmt.Sprintf("recomputing activations in the backward pass: %.1f GB instead of %.1f GB",
			float64(t.memory.Pass())/1e9, float64(sizes.Memory(false).Pass())/1e9))
	}
	return nil
}
