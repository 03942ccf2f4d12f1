package train

import (
	"fmt"
	"runtime/debug"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/isa"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/stability"
	"github.com/stablelora/stablelora/internal/tensor"
)

// open loads everything the configuration names and checks that it fits
// together and into memory. Nothing is written.
func open(o Options) (*trainer, error) {
	t := newTrainer(o)
	for _, prepare := range []func() error{t.outline, t.openModel, t.openAdapter, t.openOptimizer} {
		if err := prepare(); err != nil {
			t.close()
			return nil, err
		}
	}
	return t, nil
}

// Check tells what Run would refuse before it reads a weight: files that do not
// fit, an adapter without modules, too little memory. It writes nothing.
func Check(o Options) error {
	t := newTrainer(o)
	defer t.close()
	return t.outline()
}

func newTrainer(o Options) *trainer {
	cfg := *o.Config
	t := &trainer{opt: o, cfg: &cfg, dir: cfg.Output.Dir, shared: o.Shared}
	if t.shared == nil {
		t.shared = &Shared{}
	}
	return t
}

// close gives back what is not shared.
func (t *trainer) close() {
	if t.release != nil {
		if t.log == nil { // refused
			fsutil.Remove(t.dir) // which fails unless it is empty
		}
		t.release()
	}
	if t.opt.Shared == nil {
		t.shared.Close()
	} else if t.model != nil {
		peft.Detach(t.model)
	}
}

// outline opens everything but the weights.
func (t *trainer) outline() error {
	for _, prepare := range []func() error{t.checkApart, t.openTokenizer, t.openShape, t.openData, t.openSchedule, t.outlineAdapter, t.checkMemory} {
		if err := prepare(); err != nil {
			return err
		}
	}
	return nil
}

func (t *trainer) openTokenizer() (err error) {
	t.tok, err = t.shared.loadTokenizer(t.cfg.Model.Path)
	return err
}

// openModel loads the weights and makes room for the largest pass.
func (t *trainer) openModel() error {
	compute, err := tensor.ParseCompute(t.cfg.Model.Compute)
	if err != nil {
		return err
	}
	if compute == tensor.BF16 && isa.Current() != isa.AVX512BF16 {
		t.opt.Reporter.Message("compute bf16: dot products of bfloat16 are missing or slow on this processor; float32 multiply-adds give the same bits, no faster than fp32")
	}
	debug.FreeOSMemory() // what reading has left behind
	if t.model, err = t.shared.loadModel(t.cfg.Model.Path); err != nil {
		return err
	}
	t.model.Recompute = t.recompute
	t.model.Reserve(t.largest)
	t.model.SetCompute(compute)
	return nil
}

// openShape reads what the folder's small files and headers say of the model.
func (t *trainer) openShape() (err error) {
	if t.shape, err = model.ReadConfig(t.cfg.Model.Path); err != nil {
		return err
	}
	t.weightBytes, err = model.StoredBytes(t.cfg.Model.Path)
	return err
}

// openSchedule makes the schedule, which depends on the number of steps.
func (t *trainer) openSchedule() (err error) {
	tr := t.cfg.Train
	t.schedule, err = optim.NewSchedule(tr.LRScheduler, tr.LearningRate, t.total, tr.WarmupSteps, tr.WarmupRatio, tr.MinLRRatio)
	if err != nil {
		return &UsageError{err}
	}
	if t.total == 1 && t.schedule.LR(0) == 0 {
		return usagef("train: the run has a single step, whose learning rate is 0 for being the first of the warm-up: nothing would be learnt; take more steps, or set train.warmup_steps and train.warmup_ratio to 0")
	}
	if tr.WarmupSteps >= t.total {
		t.opt.Reporter.Warn(fmt.Sprintf("train.warmup_steps %d lasts as long as the run's %d steps: the learning rate never reaches train.learning_rate", tr.WarmupSteps, t.total))
	}
	return nil
}

// openOptimizer makes optimizer and monitor.
func (t *trainer) openOptimizer() error {
	byName := map[string]*nn.Linear{}
	for _, l := range t.model.Linears() {
		byName[l.Name] = l
	}
	for _, p := range t.adapter.Pairs {
		t.pairs = append(t.pairs, optim.Pair{Name: p.Module, A: p.A, B: p.B})
		t.layers = append(t.layers, byName[p.Module])
	}
	o := t.cfg.Optimizer
	var err error
	if t.optimizer, err = optim.New(o.Name, t.pairs, hyper(o)); err != nil {
		return &UsageError{err}
	}
	t.monitor = stability.New(stability.Run{Every: t.cfg.Log.Every, Layers: t.layers, Pairs: t.pairs, Optimizer: t.optimizer,
		Hyper: hyper(o), Schedule: t.schedule, Total: t.total, BatchSize: t.cfg.Train.BatchSize, Shuffled: t.cfg.Data.Shuffle})
	return nil
}

func hyper(o config.Optimizer) optim.Hyper {
	return optim.Hyper{
		Beta1: o.Betas[0], Beta2: o.Betas[1], Eps: o.Eps, WeightDecay: o.WeightDecay,
		ShrinkRatio: o.ShrinkRatio, StopCondition: o.StopCondition, TestEvery: o.TestEvery,
		LRRatio: o.LRRatio,
		Reg:     o.Reg, UpdatedFactors: o.UpdatedFactors, CorrectBias: o.CorrectBias,
		ClipUnmagnified: o.ClipUnmagnifiedGrad, SkipUpdate: o.UpdateSkipping, CapUpdate: o.UpdateCapping,
		Escape: o.ApplyEscape, Balance: o.BalanceParam,
	}
}
