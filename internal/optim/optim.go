package optim

import (
	"fmt"
	"math"
	"strings"

	"github.com/stablelora/stablelora/internal/tensor"
)

// Pair is one adapted linear layer of n inputs and m outputs. Name is the
// module's and is unique; A is (r, n), B is (m, r). Gradients are in Param.Grad.
type Pair struct {
	Name string
	A, B *tensor.Param
}

// Optimizer updates its pairs.
type Optimizer interface {
	// Step updates every pair from its gradients, which it may overwrite. Factors
	// and gradients must be finite: Step does not look, and a NaN would stay in
	// the moments for ever.
	Step(lr float64)

	// Tensors returns views of everything large the optimizer remembers,
	// always in the same order; copying saved values into them restores it.
	Tensors() []NamedTensor
	// State returns everything else it remembers.
	State() State
	// Restore takes back a State; an error says why it is not one of this
	// optimizer with these pairs, and then nothing has changed.
	Restore(State) error
}

// NamedTensor is a view of one of an optimizer's matrices.
type NamedTensor struct {
	Name  string // module.factor.kind, e.g. model.layers.0.self_attn.q_proj.A.exp_avg
	Value tensor.Matrix
}

// State is what an optimizer remembers beside its tensors.
type State struct {
	Optimizer string `json:"optimizer"`
	Step      int    `json:"step"` // steps done
	// StoppedAt holds Stable-LoRA's latches by module: the step, counted from
	// 1, whose test stopped the shrinking, or 0.
	StoppedAt map[string]int `json:"stopped_at,omitempty"`
}

// Hyper holds the settings of all optimizers; each takes those it knows.
type Hyper struct {
	Beta1, Beta2 float64 // decay of the first and second moment, in [0, 1)
	Eps          float64 // added to the root of the corrected second moment
	WeightDecay  float64 // decoupled: a factor 1 - lr*WeightDecay per step

	// Stable-LoRA
	ShrinkRatio   float64 // lambda, in [0, 1)
	StopCondition bool    // false shrinks for ever
	TestEvery     int     // steps from one test of the condition to the next; 0 and 1: every step

	// LoRA+
	LRRatio float64 // learning rate of B over that of A, above 0

	// Riemannian preconditioning
	Reg            float64 // delta
	UpdatedFactors bool    // B's preconditioner is of A after its step
	CorrectBias    bool    // of AdamW's moments

	// LoRA-RITE; thresholds of 0 are off
	ClipUnmagnified float64 // norm of all unmagnified gradients together
	SkipUpdate      float64 // root mean square of one above which it is left out
	CapUpdate       float64 // root mean square of one factor's mean update
	Escape          bool    // add the second moment that a change of basis has lost
	Balance         bool    // give A and B the same norm after each step
}

// Names lists the optimizers.
func Names() []string {
	return []string{nameStableLoRA, nameAdamW, nameLoRAPlus, nameRiemann, nameLoRARITE}
}

const (
	nameStableLoRA = "stable_lora"
	nameAdamW      = "adamw"
	nameLoRAPlus   = "lora_plus"
	nameRiemann    = "riemann"
	nameLoRARITE   = "lora_rite"
)

// New returns the optimizer of that name, one of Names. Names of pairs must
// differ and shapes belong together.
func New(name string, pairs []Pair, hp Hyper) (Optimizer, error) {
	if err := hp.check(name); err != nil {
		return nil, err
	}
	mustBePairs(pairs)
	switch name {
	case nameAdamW:
		return newAdamW(name, pairs, hp), nil
	case nameStableLoRA:
		return newStableLoRA(pairs, hp), nil
	case nameLoRAPlus:
		return newLoRAPlus(pairs, hp), nil
	case nameRiemann:
		return newRiemann(pairs, hp), nil
	case nameLoRARITE:
		return newLoRARITE(pairs, hp), nil
	}
	return nil, fmt.Errorf("optimizer.name %q is not one of %s", name, strings.Join(Names(), ", "))
}

// check reports the first setting out of range of those that the optimizer
// uses. Every comparison is false for NaN, so that NaN is refused too.
func (hp Hyper) check(name string) error {
	share := func(x float64) bool { return x >= 0 && x < 1 }
	notNegative := func(x float64) bool { return x >= 0 && x <= math.MaxFloat32 }
	above0 := func(x float64) bool { return x > 0 && x <= math.MaxFloat32 }
	for _, s := range []struct {
		owner, key string
		value      float64
		ok         func(float64) bool
		want       string
	}{
		{"", "betas[0]", hp.Beta1, share, "at least 0 and below 1"},
		{"", "betas[1]", hp.Beta2, share, "at least 0 and below 1"},
		{"", "eps", hp.Eps, notNegative, "at least 0"},
		{"", "weight_decay", hp.WeightDecay, notNegative, "at least 0"},
		{nameStableLoRA, "shrink_ratio", hp.ShrinkRatio, share, "at least 0 and below 1"},
		{nameLoRAPlus, "lr_ratio", hp.LRRatio, above0, "above 0"},
		{nameRiemann, "reg", hp.Reg, notNegative, "at least 0"},
		{nameLoRARITE, "clip_unmagnified_grad", hp.ClipUnmagnified, notNegative, "at least 0"},
		{nameLoRARITE, "update_skipping", hp.SkipUpdate, notNegative, "at least 0"},
		{nameLoRARITE, "update_capping", hp.CapUpdate, notNegative, "at least 0"},
	} {
		if (s.owner == "" || s.owner == name) && !s.ok(s.value) {
			return fmt.Errorf("optimizer.%s is %v, must be %s", s.key, s.value, s.want)
		}
	}
	return nil
}

// core is what every optimizer has.
type core struct {
	name  string
	pairs []Pair
	hp    Hyper
	step  int // steps done
}

// State implements Optimizer.
func (o *core) State() State { return State{Optimizer: o.name, Step: o.step} }

// Restore implements Optimizer.
func (o *core) Restore(s State) error {
	if s.Optimizer != o.name {
		return fmt.Errorf("this is the state of optimizer %q, the run uses %q", s.Optimizer, o.name)
	}
	if s.Step < 0 {
		return fmt.Errorf("step is %d, must be at least 0", s.Step)
	}
	o.step = s.Step
	return nil
}

func mustBePairs(pairs []Pair) {
	seen := map[string]bool{}
	for _, p := range pairs {
		if seen[p.Name] {
			panic("optim: two pairs named " + p.Name)
		}
		seen[p.Name] = true
		for _, f := range []*tensor.Param{p.A, p.B} {
			if f.Value.Rows != f.Grad.Rows || f.Value.Cols != f.Grad.Cols {
				panic(fmt.Sprintf("optim: %s is %d x %d, its gradient %d x %d",
					f.Name, f.Value.Rows, f.Value.Cols, f.Grad.Rows, f.Grad.Cols))
			}
		}
		if p.A.Value.Rows != p.B.Value.Cols {
			panic(fmt.Sprintf("optim: %s: A is %d x %d, B is %d x %d", p.Name,
				p.A.Value.Rows, p.A.Value.Cols, p.B.Value.Rows, p.B.Value.Cols))
		}
	}
}
