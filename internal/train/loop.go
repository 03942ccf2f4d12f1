package train

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/data"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/overlap"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/stability"
	"github.com/stablelora/stablelora/internal/tokenizer"
)

// Options is what a run needs beside its configuration.
type Options struct {
	Config    *config.Config
	Resume    string // "", "auto", or a checkpoint folder
	Overwrite bool
	Version   string // of the program, for stablelora.json
	Command   string // as typed, for the model card
	Reporter  metrics.Reporter
	Evaluate  Evaluate        // nil: only the held-out loss
	Overlap   []overlap.Found // of evaluation and training data, for stablelora.json
	Shared    *Shared         // what further runs use too; nil: opened and closed for this one
}

// Evaluate scores the model as it is. It is called every eval.every_steps steps
// and, with final set, when training has ended. Of what it returns the adapted
// model's means are recorded in metrics.jsonl, and in the end all in items.json.
type Evaluate func(ctx context.Context, s *Subject, final bool) ([]metrics.TaskItems, error)

// Subject is what an evaluation sees of a run.
type Subject struct {
	Model     *model.Decoder
	Tokenizer *tokenizer.Tokenizer
	Adapter   *peft.Adapter // attached to Model
	ModelHash string        // of the base model's weights
	Dir       string        // the run's folder
}

// Result is the outcome of a run.
type Result struct {
	OutputDir string
	Steps     int
	Tokens    int // of all steps, a resumed run's earlier ones included
	FinalLoss float64
	Elapsed   float64 // seconds spent in steps
	Stability stability.Outcome
}

// trainer is a run whose inputs are open.
type trainer struct {
	opt Options
	cfg *config.Config // as resolved: with what lora.init_from gives
	dir string

	shape       *model.Config
	weightBytes uint64 // as stored
	sequences   func(step int) []cost.Sequence
	recordBytes uint64
	recompute   bool
	largest     model.PassSize // micro-batch
	memory      cost.Memory

	shared  *Shared
	model   *model.Decoder
	tok     *tokenizer.Tokenizer
	adapter *peft.Adapter
	train   *data.Set
	heldOut *data.Set // nil: none

	pairs     []optim.Pair
	layers    []*nn.Linear // of pairs
	optimizer optim.Optimizer
	schedule  optim.Schedule
	batches   *data.Batches
	monitor   *stability.Monitor
	total     int // steps of the run
	modelHash string

	log     *metrics.Log
	release func() // the run's folder; nil before start
	tokens  int
	elapsed float64
	last    metrics.StepRow
	outcome stability.Outcome // set by finish
}

// Run trains. On a signal it finishes the step, saves it and returns an
// InterruptedError; ctx's cause must then be a SignalError.
func Run(ctx context.Context, o Options) (*Result, error) {
	t, err := open(o)
	if err != nil {
		return nil, err
	}
	defer t.close()
	defer debug.SetGCPercent(debug.SetGCPercent(cost.GarbagePercent))
	t.modelHash = t.shared.modelHash()
	if r, err := t.finished(); r != nil || err != nil {
		return r, err
	}
	done, err := t.start()
	if err != nil {
		return nil, err
	}
	defer t.log.Close()
	if err := t.loop(ctx, done); err != nil {
		return nil, err
	}
	if err := t.finish(); err != nil {
		return nil, err
	}
	if err := t.finalEvaluation(ctx); err != nil {
		return nil, err
	}
	if err := t.summarize(); err != nil {
		return nil, err
	}
	return &Result{t.dir, t.total, t.tokens, t.last.Loss, t.elapsed, t.outcome}, nil
}

// loop takes the steps from done to total.
func (t *trainer) loop(ctx context.Context, done int) error {
	t.opt.Reporter.Start(t.total, done)
	defer t.opt.Reporter.Finish()
	for k := done; k < t.total; k++ {
		// Before the step, so that a resumed run repeats what was cut short.
		if every := t.cfg.Eval.EverySteps; every > 0 && k > 0 && k%every == 0 {
			if err := t.guard(k, func() error { return t.evaluate(ctx, k, false) }); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return t.interrupted(ctx, k)
		}
		row, norms, err := t.step(k)
		if err != nil {
			return err
		}
		t.tokens += row.Tokens
		t.last = row
		if err := t.log.Step(row, norms); err != nil {
			return err
		}
		t.opt.Reporter.Step(row)
		for _, w := range t.monitor.Warnings(row) {
			t.opt.Reporter.Warn(w)
		}
		if every := t.cfg.Output.SaveEvery; every > 0 && (k+1)%every == 0 {
			if _, err := t.save(k + 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// stopped turns an error that a signal caused into an InterruptedError.
func (t *trainer) stopped(ctx context.Context, steps int, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return t.interrupted(ctx, steps)
}

// interrupted saves steps whole steps.
func (t *trainer) interrupted(ctx context.Context, steps int) error {
	cause := context.Cause(ctx)
	var signal SignalError
	if !errors.As(cause, &signal) {
		return cause
	}
	err := &InterruptedError{Signal: signal.Signal}
	if steps == 0 {
		return err
	}
	path, saveErr := t.save(steps)
	if saveErr != nil {
		return fmt.Errorf("%s, but the checkpoint could not be saved: %w", signal.Signal, saveErr)
	}
	err.Checkpoint = path
	return err
}
