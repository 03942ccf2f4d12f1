package peft

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Module is a linear layer of the base model.
type Module struct {
	Name    string // "model.layers.0.self_attn.q_proj"
	In, Out int
}

// Targets names modules as PEFT's target_modules does: by a list of names, each
// of which matches the module of that name and those ending in "." + name, or,
// where Pattern is not "", by a regular expression for the whole name. The
// Pattern "all-linear" stands for every linear layer but the output embedding.
type Targets struct {
	Names   []string
	Pattern string
}

const allLinear = "all-linear" // in any case

func (t Targets) empty() bool     { return t.Pattern == "" && len(t.Names) == 0 }
func (t Targets) allLinear() bool { return strings.EqualFold(t.Pattern, allLinear) }

// Override gives modules that match a pattern a rank or alpha of their own. The
// pattern matches a module's whole name or what follows one of its dots.
type Override[T int | float64] struct {
	Pattern string
	Value   T
}

// Spec says which modules an adapter changes and how.
type Spec struct {
	R            int
	Alpha        float64
	Dropout      float64 // on the input of A, in training
	Targets      Targets
	Exclude      Targets
	Layers       []int // layer numbers; empty: all
	UseRSLoRA    bool
	RankPattern  []Override[int] // the first that matches counts
	AlphaPattern []Override[float64]
	BaseModel    string // name or path, for readers of the adapter; "" is unknown
}

// check reports values no adapter can have.
func (s Spec) check() error {
	var errs []error
	rank := func(key string, r int) {
		if r < 1 {
			errs = append(errs, fmt.Errorf("%s is %d, a rank is at least 1", key, r))
		}
	}
	alpha := func(key string, a float64) {
		if math.IsNaN(a) || math.IsInf(a, 0) {
			errs = append(errs, fmt.Errorf("%s is not a finite number", key))
		}
	}
	rank("r", s.R)
	alpha("lora_alpha", s.Alpha)
	for _, o := range s.RankPattern {
		rank(fmt.Sprintf("rank_pattern %q", o.Pattern), o.Value)
	}
	for _, o := range s.AlphaPattern {
		alpha(fmt.Sprintf("alpha_pattern %q", o.Pattern), o.Value)
	}
	if !(s.Dropout >= 0 && s.Dropout < 1) {
		errs = append(errs, fmt.Errorf("lora_dropout is %v, allowed are 0 up to but not including 1", s.Dropout))
	}
	if s.Targets.Pattern != "" && !s.Targets.allLinear() && len(s.Layers) > 0 {
		errs = append(errs, errors.New("layers go with a list of target modules only (as in PEFT); put the layer numbers into the regular expression"))
	}
	return errors.Join(errs...)
}

// scale is s in y = W·x + s·B·(A·x): alpha/r, or alpha/√r with rsLoRA
// (Kalajdzievski 2023).
func scale(alpha float64, r int, rslora bool) float64 {
	if rslora {
		return alpha / math.Sqrt(float64(r))
	}
	return alpha / float64(r)
}
