package peft

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/stablelora/stablelora/internal/rng"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Pair is the low-rank change s·B·A of one module.
type Pair struct {
	Module  string // of the base
	In, Out int
	R       int
	Alpha   float64
	Scale   float64       // s
	A, B    *tensor.Param // (R, In), (Out, R); named as in the adapter file
}

// Adapter is a LoRA adapter for the modules of one model.
type Adapter struct {
	Spec  Spec   // as saved: all-linear and exclusions resolved to names
	Pairs []Pair // in the order of the model's modules
	Dir   string // it was loaded from, or ""
}

// New makes an adapter for the modules that spec chooses. B is zero; A is drawn
// by init, each factor from a stream of its own that depends on seed and module
// alone:
//
//	kaiming   U(-1/√in, 1/√in), PEFT's default (kaiming_uniform with a = √5)
//	he        N(0, 1/in)
//	gaussian  N(0, 1/r²)
//	zero      0
func New(spec Spec, modules []Module, init string, seed uint64) (*Adapter, error) {
	a, err := Outline(spec, modules)
	if err != nil {
		return nil, err
	}
	for i := range a.Pairs {
		p := &a.Pairs[i]
		p.A = tensor.NewParam(p.key("A"), p.R, p.In)
		p.B = tensor.NewParam(p.key("B"), p.Out, p.R)
		if err := p.draw(init, seed); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Outline is New without the factors: the pairs' A and B are nil.
func Outline(spec Spec, modules []Module) (*Adapter, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	if spec.Targets.empty() {
		return nil, errors.New("target_modules is empty: nothing would be trained")
	}
	return assemble(spec, modules, true)
}

// assemble chooses the modules and works out their ranks and scales; the factors
// are still missing.
func assemble(spec Spec, modules []Module, strict bool) (*Adapter, error) {
	chosen, spec, err := choose(spec, modules, strict)
	if err != nil {
		return nil, err
	}
	ranks, err := overridden("rank_pattern", spec.RankPattern, chosen, spec.R)
	if err != nil {
		return nil, err
	}
	alphas, err := overridden("alpha_pattern", spec.AlphaPattern, chosen, spec.Alpha)
	if err != nil {
		return nil, err
	}
	a := &Adapter{Spec: spec}
	for i, m := range chosen {
		a.Pairs = append(a.Pairs, Pair{Module: m.Name, In: m.In, Out: m.Out,
			R: ranks[i], Alpha: alphas[i], Scale: scale(alphas[i], ranks[i], spec.UseRSLoRA)})
	}
	return a, nil
}

// RankAboveSides counts the modules whose rank is above the smaller side of their
// weight, and names the first.
func (a *Adapter) RankAboveSides() (first string, n int) {
	for _, p := range a.Pairs {
		if p.R > min(p.In, p.Out) {
			first = cmp.Or(first, p.Module)
			n++
		}
	}
	return first, n
}

// key is the name of factor "A" or "B" in the adapter file.
func (p *Pair) key(factor string) string {
	return "base_model.model." + p.Module + ".lora_" + factor + ".weight"
}

func (p *Pair) draw(init string, seed uint64) error {
	s := rng.New(seed, "lora_A/"+p.Module)
	bound := 1 / math.Sqrt(float64(p.In))
	var next func() float64
	switch init {
	case "kaiming":
		next = func() float64 { return s.Uniform(-bound, bound) }
	case "he":
		next = func() float64 { return s.Normal() * bound }
	case "gaussian":
		next = func() float64 { return s.Normal() / float64(p.R) }
	case "zero":
		return nil
	default:
		return fmt.Errorf("init is %q; known are kaiming, he, gaussian and zero", init)
	}
	for i := range p.A.Value.Data {
		p.A.Value.Data[i] = float32(next())
	}
	return nil
}

// Params lists the factors, A before B, pair by pair.
func (a *Adapter) Params() []*tensor.Param {
	var all []*tensor.Param
	for _, p := range a.Pairs {
		all = append(all, p.A, p.B)
	}
	return all
}
