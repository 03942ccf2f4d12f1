package train

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/tensor"
)

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
