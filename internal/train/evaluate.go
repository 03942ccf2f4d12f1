package train

import (
	"context"
	"fmt"

	"github.com/stablelora/stablelora/internal/checkpoint"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/model"
)

// finalEvaluation evaluates the trained model. It may take as long as the
// training did, so that a checkpoint stands by until it is done.
func (t *trainer) finalEvaluation(ctx context.Context) error {
	if t.heldOut == nil && t.opt.Evaluate == nil {
		return nil
	}
	if _, err := t.save(t.total); err != nil {
		return err
	}
	if err := t.evaluate(ctx, t.total, true); err != nil {
		return err
	}
	if t.cfg.Output.SaveEvery > 0 {
		return nil
	}
	return checkpoint.CutBack(t.dir, t.total-1)
}

// evaluate records the held-out loss and what Options.Evaluate finds after
// steps steps.
func (t *trainer) evaluate(ctx context.Context, steps int, final bool) error {
	var items metrics.Items
	if t.heldOut != nil {
		loss, records, err := t.heldOutLoss(ctx)
		if err != nil {
			return t.stopped(ctx, steps, err)
		}
		items.HeldOut = records
		if err := t.log.Eval(metrics.EvalRow{Step: steps, EvalLoss: &loss}); err != nil {
			return err
		}
		t.opt.Reporter.Message(fmt.Sprintf("step %d: held-out loss %.4f", steps, loss))
	}
	if t.opt.Evaluate != nil {
		var err error
		items.Tasks, err = t.opt.Evaluate(ctx, &Subject{t.model, t.tok, t.adapter, t.modelHash, t.dir}, final)
		if err != nil {
			return t.stopped(ctx, steps, err)
		}
		if err := t.log.Eval(metrics.EvalRow{Step: steps, Tasks: items.Figures()}); err != nil {
			return err
		}
	}
	if !final {
		return nil
	}
	return items.Write(t.dir)
}

// heldOutLoss is the mean cross-entropy over the held-out files' supervised
// tokens, and each record's sum.
func (t *trainer) heldOutLoss(ctx context.Context) (float64, []metrics.HeldOutItems, error) {
	var sum float64
	n := 0
	var each []float64
	examples := t.heldOut.Examples
	for first, micro := range model.MicroBatches(examples, t.cfg.Train.MicroBatchSize, length) {
		if ctx.Err() != nil {
			return 0, nil, ctx.Err()
		}
		b := newBatch(micro)
		losses := t.model.Losses(b)
		for _, loss := range losses {
			sum += loss
		}
		n += len(b.Rows)
		for _, e := range micro {
			own := 0.0
			for _, loss := range losses[:e.NumSupervised()] {
				own += loss
			}
			each, losses = append(each, own), losses[e.NumSupervised():]
		}
		t.opt.Reporter.Progress("held-out loss", first+len(micro), len(examples))
	}
	if loss := sum / float64(n); finite(loss) {
		return loss, t.heldOutItems(each), nil
	}
	return 0, nil, t.spoiled(t.last.Step-1, "held-out loss")
}

// heldOutItems arranges the records' losses by file.
func (t *trainer) heldOutItems(losses []float64) []metrics.HeldOutItems {
	var all []metrics.HeldOutItems
	examples := t.heldOut.Examples
	for _, f := range t.heldOut.Files {
		file := metrics.HeldOutItems{Path: f.Path, Losses: losses[:f.Records]}
		for _, e := range examples[:f.Records] {
			file.Tokens = append(file.Tokens, e.NumSupervised())
		}
		losses, examples = losses[f.Records:], examples[f.Records:]
		all = append(all, file)
	}
	return all
}
