package peft

import (
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
)

// Host is a model as this package sees it.
type Host interface{ Linears() []*nn.Linear }

// Modules lists a model's linear layers.
func Modules(m Host) []Module {
	var all []Module
	for _, l := range m.Linears() {
		all = append(all, Module{l.Name, l.W.Cols, l.W.Rows})
	}
	return all
}

// ModulesOf lists the linear layers of a model of that shape.
func ModulesOf(c *model.Config) []Module {
	var all []Module
	for i := range c.Layers {
		for _, l := range c.BlockShapes(i) {
			all = append(all, Module{l.Name, l.In, l.Out})
		}
	}
	return all
}

// Ranks arranges the ranks by block and layer of a model of that shape.
func (a *Adapter) Ranks(c *model.Config) []model.Ranks {
	byName := map[string]int{}
	for _, p := range a.Pairs {
		byName[p.Module] = p.R
	}
	all := make([]model.Ranks, c.Layers)
	for i := range all {
		for j, l := range c.BlockShapes(i) {
			all[i][j] = byName[l.Name]
		}
	}
	return all
}

// Attach makes the model compute with the adapter, in place of any other.
func (a *Adapter) Attach(m Host) {
	byName := map[string]*nn.Linear{}
	for _, l := range m.Linears() {
		l.LoRA = nil
		byName[l.Name] = l
	}
	for _, p := range a.Pairs {
		l := byName[p.Module]
		if l == nil {
			panic("peft: this model has no layer " + p.Module)
		}
		l.Attach(&nn.LoRA{A: p.A, B: p.B, Scale: float32(p.Scale), Dropout: a.Spec.Dropout})
	}
}

// Detach makes the model compute without an adapter.
func Detach(m Host) {
	for _, l := range m.Linears() {
		l.LoRA = nil
	}
}
