package peft

import (
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/safetensors"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Description is what an adapter folder holds, seen without its base model.
type Description struct {
	BaseModel string              `json:"base_model"`
	R         int                 `json:"r"`
	Alpha     float64             `json:"alpha"`
	Scale     float64             `json:"scale"` // of modules without a pattern of their own
	RSLoRA    bool                `json:"use_rslora"`
	Targets   []string            `json:"targets"` // names, or one regular expression
	Modules   []ModuleDescription `json:"modules"`
}

// ModuleDescription is one module's factors.
type ModuleDescription struct {
	Name  string  `json:"name"`
	R     int     `json:"r"`
	Scale float64 `json:"scale"`
	NormA float64 `json:"norm_a"` // Frobenius
	NormB float64 `json:"norm_b"`
}

// Describe reads an adapter folder. Factors are listed by module name; errors
// are InputErrors.
func Describe(dir string) (*Description, error) {
	f, err := safetensors.Open(filepath.Join(dir, WeightsFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var modules []Module
	for _, t := range f.Tensors() {
		name, ok := strings.CutSuffix(strings.TrimPrefix(t.Name, "base_model.model."), ".lora_A.weight")
		b, hasB := f.Tensor((&Pair{Module: name}).key("B"))
		if ok && hasB && len(t.Shape) == 2 && len(b.Shape) == 2 {
			modules = append(modules, Module{Name: name, In: t.Shape[1], Out: b.Shape[0]})
		}
	}
	if len(modules) == 0 {
		return nil, fsutil.Inputf(f.Path(), "holds no pair of lora_A.weight and lora_B.weight")
	}
	a, err := Load(dir, modules, AllowZeroB)
	if err != nil {
		return nil, err
	}
	s := a.Spec
	d := &Description{BaseModel: s.BaseModel, R: s.R, Alpha: s.Alpha, Scale: scale(s.Alpha, s.R, s.UseRSLoRA), RSLoRA: s.UseRSLoRA}
	d.Targets = slices.Clone(s.Targets.Names)
	if s.Targets.Pattern != "" {
		d.Targets = []string{s.Targets.Pattern}
	}
	for _, p := range a.Pairs {
		d.Modules = append(d.Modules, ModuleDescription{p.Module, p.R, p.Scale, math.Sqrt(tensor.SumSquares(p.A.Value)), math.Sqrt(tensor.SumSquares(p.B.Value))})
	}
	return d, nil
}
