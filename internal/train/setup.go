package train

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/stablelora/stablelora/internal/chat"
	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/data"
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
	for _, prepare := range []func() error{t.openTokenizer, t.openShape, t.openData, t.openSchedule, t.outlineAdapter, t.checkMemory} {
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

// openData reads the training and held-out files.
func (t *trainer) openData() error {
	c := t.shape
	if err := c.CheckTokens(t.cfg.Model.Path, t.tok.Size()); err != nil {
		return err
	}
	enc := data.Encoding{Tokenizer: t.tok, Chat: t.chatTemplate}
	if len(c.EOS) > 0 {
		enc.EOS = &c.EOS[0]
	}
	var err error
	if t.train, err = t.shared.loadData(t.cfg, t.cfg.Data.Train, enc); err != nil {
		return err
	}
	notes := t.train.Notes()
	if len(t.cfg.Data.Eval) > 0 {
		if t.heldOut, err = t.shared.loadData(t.cfg, t.cfg.Data.Eval, enc); err != nil {
			return err
		}
		notes = append(notes, t.heldOut.Notes()...)
	}
	for _, note := range notes {
		t.opt.Reporter.Message(note)
	}
	if t.train.Longest() > c.MaxPositions {
		t.opt.Reporter.Warn(fmt.Sprintf("the longest example has %d tokens; the model was made for %d", t.train.Longest(), c.MaxPositions))
	}
	t.batches = data.NewBatches(t.train, t.cfg.Train.BatchSize, t.cfg.Train.Seed, t.cfg.Data.Shuffle)
	t.setTotal(t.batches.StepsPerEpoch())
	for _, set := range []*data.Set{t.train, t.heldOut} {
		if set != nil {
			t.recordBytes += uint64(4*set.Tokens() + recordBytes*len(set.Examples))
		}
	}
	t.sequences = func(step int) []cost.Sequence {
		var all []cost.Sequence
		for _, x := range t.batches.Step(step) {
			all = append(all, cost.Sequence{Tokens: len(x.Tokens), Supervised: x.NumSupervised()})
		}
		return all
	}
	return nil
}

// setTotal settles the number of steps.
func (t *trainer) setTotal(perEpoch int) {
	t.total = t.cfg.Train.MaxSteps
	if t.total == 0 {
		t.total = t.cfg.Train.Epochs * perEpoch
	}
}

// recordBytes is what an example takes beside its tokens: the struct, its file
// and line, its supervised ranges.
const recordBytes = 200

// templateDate is the day that a chat template is told, where it asks for it:
// today's would change the training texts overnight.
var templateDate = time.Date(2024, 7, 26, 0, 0, 0, 0, time.UTC)

func (t *trainer) chatTemplate() (data.ChatTemplate, error) {
	c, err := chat.Load(t.cfg.Model.Path)
	if err != nil {
		return nil, err
	}
	c.Now = func() time.Time { return templateDate }
	return c, nil
}

// outlineAdapter settles which modules are adapted, with which ranks; their
// factors are still missing.
func (t *trainer) outlineAdapter() error {
	l := t.cfg.LoRA
	modules := peft.ModulesOf(t.shape)
	var err error
	if l.InitFrom != "" {
		if t.adapter, err = peft.LoadOutline(l.InitFrom, modules); err != nil {
			return err
		}
		t.adoptSpec()
		return nil
	}
	if t.adapter, err = peft.Outline(t.spec(), modules); err != nil {
		return &UsageError{fmt.Errorf("lora: %w", err)}
	}
	if name, n := t.adapter.RankAboveSides(); n > 0 {
		t.opt.Reporter.Warn(fmt.Sprintf("lora.r %d is above the smaller side of the weight in %d of %d modules, %s for one: B A has no higher rank than that side, whatever r is",
			l.R, n, len(t.adapter.Pairs), name))
	}
	return nil
}

func (t *trainer) spec() peft.Spec {
	l := t.cfg.LoRA
	return peft.Spec{R: l.R, Alpha: l.Alpha, Dropout: l.Dropout,
		Targets: targets(l.TargetModules), Exclude: targets(l.ExcludeModules), Layers: l.Layers,
		UseRSLoRA: l.UseRSLoRA, BaseModel: t.cfg.Model.Path}
}

// openAdapter makes or loads the factors and attaches them.
func (t *trainer) openAdapter() error {
	l := t.cfg.LoRA
	modules := peft.Modules(t.model)
	var err error
	if l.InitFrom != "" {
		t.adapter, err = peft.Load(l.InitFrom, modules, peft.AllowZeroB)
		if err == nil {
			t.adoptSpec()
		}
	} else if t.adapter, err = peft.New(t.spec(), modules, l.Init, t.cfg.Train.Seed); err != nil {
		err = &UsageError{fmt.Errorf("lora: %w", err)}
	}
	if err != nil {
		return err
	}
	t.adapter.Attach(t.model)
	if zero(t.adapter.Params()) {
		from := "lora.init zero"
		if l.InitFrom != "" {
			from = "lora.init_from " + l.InitFrom
		}
		t.opt.Reporter.Warn(from + ": with A = B = 0 both gradients are 0, each being a product with the other factor, so nothing " +
			"will be learnt; it shows the saddle point")
	}
	return nil
}

// zero tells whether all of the factors are.
func zero(factors []*tensor.Param) bool {
	for _, f := range factors {
		if optim.FrobeniusNorm(f.Value) > 0 {
			return false
		}
	}
	return true
}

// adoptSpec takes r, alpha, targets, layers and rsLoRA from the adapter that
// training starts from; the resolved configuration shows them.
func (t *trainer) adoptSpec() {
	l, s := &t.cfg.LoRA, &t.adapter.Spec
	s.Dropout, s.BaseModel = l.Dropout, t.cfg.Model.Path
	l.R, l.Alpha, l.UseRSLoRA = s.R, s.Alpha, s.UseRSLoRA
	l.TargetModules = config.Targets{Names: s.Targets.Names, Pattern: s.Targets.Pattern}
	l.ExcludeModules = config.Targets{Names: s.Exclude.Names, Pattern: s.Exclude.Pattern}
	l.Layers = s.Layers
}

func targets(c config.Targets) peft.Targets { return peft.Targets{Names: c.Names, Pattern: c.Pattern} }

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
