package optim

import (
	"fmt"
	"math"

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
	// Step updates every pair from its gradients. They must be finite: Step
	// does not look, and a NaN would stay in the moments for ever.
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

	ShrinkRatio   float64 // Stable-LoRA's lambda, in [0, 1)
	StopCondition bool    // Stable-LoRA: false shrinks for ever
}

// New returns the optimizer of that name: adamw or stable_lora. Names of pairs
// must differ and shapes belong together.
func New(name string, pairs []Pair, hp Hyper) (Optimizer, error) {
	if err := hp.check(); err != nil {
		return nil, err
	}
	mustBePairs(pairs)
	switch name {
	case nameAdamW:
		return newAdamW(name, pairs, hp), nil
	case nameStableLoRA:
		return newStableLoRA(pairs, hp), nil
	}
	return nil, fmt.Errorf("optimizer.name %q is not one of %s, %s", name, nameAdamW, nameStableLoRA)
}

// check reports the first setting out of range. Every comparison is false for
// NaN, so that NaN is refused too.
func (hp Hyper) check() error {
	for _, s := range []struct {
		key   string
		value float64
		ok    bool
		want  string
	}{
		{"betas[0]", hp.Beta1, hp.Beta1 >= 0 && hp.Beta1 < 1, "at least 0 and below 1"},
		{"betas[1]", hp.Beta2, hp.Beta2 >= 0 && hp.Beta2 < 1, "at least 0 and below 1"},
		{"eps", hp.Eps, hp.Eps >= 0 && hp.Eps <= math.MaxFloat32, "at least 0"},
		{"weight_decay", hp.WeightDecay, hp.WeightDecay >= 0 && hp.WeightDecay <= math.MaxFloat32, "at least 0"},
		{"shrink_ratio", hp.ShrinkRatio, hp.ShrinkRatio >= 0 && hp.ShrinkRatio < 1, "at least 0 and below 1"},
	} {
		if !s.ok {
			return fmt.Errorf("optimizer.%s is %v, must be %s", s.key, s.value, s.want)
		}
	}
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
