package train

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/stablelora/stablelora/internal/data"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/safetensors"
)

// step takes optimizer step number k, from 0, and returns its rows of metrics
// and of stability, valid until the next step.
func (t *trainer) step(k int) (metrics.StepRow, []metrics.StabilityRow, error) {
	began := time.Now()

	// The batch: a pure function of seed and step.
	examples := t.batches.Step(k)

	// Forward and backward: the mean loss over the batch's supervised tokens.
	probe := t.monitor.ProbeRows(k)
	var row metrics.StepRow
	err := t.guard(k, func() error {
		row = t.gradients(k, examples, probe)
		return nil
	})
	if err != nil {
		return row, nil, err
	}
	if !finite(row.Loss) {
		return row, nil, t.diverged(k, "loss")
	}

	// Clip.
	row.GradNorm = optim.ClipGlobalNorm(t.pairs, t.cfg.Train.MaxGradNorm)
	if !finite(row.GradNorm) {
		return row, nil, t.diverged(k, "gradient")
	}

	// Update. The monitor compares the factors before and after.
	row.LearningRate = t.schedule.LR(k)
	t.monitor.Before(k)
	t.optimizer.Step(row.LearningRate)
	norms := t.monitor.After(k)
	if what := t.notFinite(); what != "" {
		return row, nil, t.spoiled(k, what+" after the update")
	}

	row.Step = k + 1
	row.Epoch = float64(k+1) / float64(t.batches.StepsPerEpoch())
	seconds := time.Since(began).Seconds()
	row.TokensPerSecond = float64(row.Tokens) / max(seconds, 1e-9)
	t.elapsed += seconds
	row.ElapsedSeconds = t.elapsed
	return row, norms, nil
}

// gradients computes the examples micro-batch by micro-batch and leaves the
// gradient of their mean loss in Param.Grad. Neither it nor the loss depends on
// the size of a micro-batch.
func (t *trainer) gradients(k int, examples []*data.Example, probe int) metrics.StepRow {
	var row metrics.StepRow
	for _, e := range examples {
		row.Tokens += len(e.Tokens)
		row.SupervisedTokens += e.NumSupervised()
	}
	scale := 1 / float64(row.SupervisedTokens)
	for first, micro := range model.MicroBatches(examples, t.cfg.Train.MicroBatchSize, length) {
		b := newBatch(micro)
		b.Train, b.Seed, b.Step, b.First = true, t.cfg.Train.Seed, k, first
		if first == 0 {
			b.ProbeRows = probe
		}
		for _, loss := range t.model.LossAndGradient(b, scale) {
			row.Loss += loss
		}
	}
	row.Loss *= scale
	for _, p := range t.pairs {
		p.A.Sum.Finish()
		p.B.Sum.Finish()
	}
	return row
}

func length(e *data.Example) int { return len(e.Tokens) }

// newBatch lays examples end to end.
func newBatch(examples []*data.Example) *model.Batch {
	b := model.NewBatch()
	for _, e := range examples {
		b.Append(e.Tokens, e.Supervised)
	}
	return b
}

// notFinite names the first factor, or else matrix of the optimizer, with a
// number that is not finite. A gradient whose square overflows makes a moment
// infinite, and leaves factors that are finite and never move again.
func (t *trainer) notFinite() string {
	for _, p := range t.pairs {
		if !finite(optim.FrobeniusNorm(p.A.Value)) || !finite(optim.FrobeniusNorm(p.B.Value)) {
			return "A or B of " + p.Name
		}
	}
	for _, x := range t.optimizer.Tensors() {
		if !finite(optim.FrobeniusNorm(x.Value)) {
			return "optimizer's " + x.Name
		}
	}
	return ""
}

// diverged saves the state before step k, which is still good.
func (t *trainer) diverged(k int, what string) error {
	err := &DivergedError{Step: k + 1, What: what, Rate: t.cfg.Train.LearningRate}
	if k > 0 {
		path, saveErr := t.save(k)
		if saveErr != nil {
			return fmt.Errorf("%w (and the last good state could not be saved: %w)", err, saveErr)
		}
		err.Checkpoint = path
	}
	return err
}

// guard runs f, which reads weights, after k whole steps, and saves these where the
// weights are no longer there.
func (t *trainer) guard(k int, f func() error) error {
	err := safetensors.Guard(f)
	if k == 0 || !errors.Is(err, safetensors.ErrUnreadable) {
		return err
	}
	path, saveErr := t.save(k)
	if saveErr != nil {
		return fmt.Errorf("%w (and the state could not be saved: %w)", err, saveErr)
	}
	return fmt.Errorf("%w; saved %s, restore the file and go on with --resume auto", err, path)
}

// spoiled reports what step k has already broken: only older checkpoints are
// good.
func (t *trainer) spoiled(k int, what string) error {
	path, _, _, _ := latest(t.dir) // without one the message says so
	return &DivergedError{Step: k + 1, What: what, Rate: t.cfg.Train.LearningRate, Checkpoint: path}
}

func sum(xs []float64) (s float64) {
	for _, x := range xs {
		s += x
	}
	return s
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
