package train

import (
	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/model"
)

// Records stand for data that is not at hand: so many of them, all alike.
type Records struct {
	Number int
	cost.Sequence
}

// Plan describes the run of a configuration for the model of cost. Nothing is
// written and no weight is read. A shape stands for the model of model.path,
// weights and all; records for the data, and then no tokenizer is needed. Both
// may be nil.
func Plan(cfg *config.Config, shape *model.Config, records *Records, r metrics.Reporter) (*cost.Job, error) {
	t := newTrainer(Options{Config: cfg, Reporter: r})
	if t.shape = shape; shape == nil {
		var err error
		if t.shape, err = model.ReadConfig(cfg.Model.Path); err != nil {
			return nil, err
		}
	}
	t.weightBytes = uint64(t.shape.NumParameters()) * uint64(t.shape.DType.Size())
	if shape == nil && model.HasWeights(cfg.Model.Path) {
		var err error
		if t.weightBytes, err = model.StoredBytes(cfg.Model.Path); err != nil {
			return nil, err
		}
	}
	prepare := []func() error{t.openTokenizer, t.openData, t.outlineAdapter}
	if records != nil {
		t.assume(*records)
		prepare = prepare[2:]
	}
	for _, f := range prepare {
		if err := f(); err != nil {
			return nil, err
		}
	}
	return t.job(), nil
}

// assume is openData without data.
func (t *trainer) assume(r Records) {
	size := t.cfg.Train.BatchSize
	perEpoch := (r.Number + size - 1) / size
	t.setTotal(perEpoch)
	batch := make([]cost.Sequence, min(size, r.Number))
	for i := range batch {
		batch[i] = r.Sequence
	}
	t.sequences = func(step int) []cost.Sequence {
		return batch[:min(size, r.Number-step%perEpoch*size)]
	}
	t.recordBytes = uint64(r.Number) * uint64(4*r.Tokens+recordBytes)
}
