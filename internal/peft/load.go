package peft

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/safetensors"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Option changes what Load accepts.
type Option int

// AllowZeroB accepts an adapter that does nothing yet, as a start for training.
const AllowZeroB Option = iota + 1

// Load reads an adapter folder for a model with the given modules. The file must
// hold exactly the factors that its configuration implies, of the right shapes
// and finite; F16 and BF16 are widened. Errors are InputErrors.
func Load(dir string, modules []Module, opts ...Option) (*Adapter, error) {
	a, err := LoadOutline(dir, modules)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, WeightsFile)
	if _, err := os.Stat(path); err != nil {
		if _, err := os.Stat(filepath.Join(dir, "adapter_model.bin")); err == nil {
			return nil, fsutil.Inputf(dir, "holds adapter_model.bin, but only safetensors are read: save the adapter again with safe_serialization=True")
		}
	}
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := a.checkFile(f); err != nil {
		return nil, fsutil.Input(path, err)
	}
	zero := true
	for i := range a.Pairs {
		p := &a.Pairs[i]
		p.A, err = readFactor(f, p.key("A"), p.R, p.In)
		if err == nil {
			p.B, err = readFactor(f, p.key("B"), p.Out, p.R)
		}
		if err != nil {
			return nil, fsutil.Input(path, err)
		}
		zero = zero && !slices.ContainsFunc(p.B.Value.Data, func(v float32) bool { return v != 0 })
	}
	if zero && !slices.Contains(opts, AllowZeroB) {
		return nil, fsutil.Inputf(path, "every lora_B is zero, %s first: the adapter changes nothing (it was never trained, or saved wrongly)", a.Pairs[0].B.Name)
	}
	return a, nil
}

// LoadOutline is Load without the factors: the pairs' A and B are nil.
func LoadOutline(dir string, modules []Module) (*Adapter, error) {
	spec, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	a, err := assemble(spec, modules, false)
	if err != nil {
		return nil, fsutil.Input(filepath.Join(dir, ConfigFile), err)
	}
	a.Dir = dir
	return a, nil
}

// checkFile compares the names, shapes and values of the tensors in a file with
// the pairs, and reports all that is wrong.
func (a *Adapter) checkFile(f *safetensors.File) error {
	expected := map[string][]int{}
	for _, p := range a.Pairs {
		expected[p.key("A")] = []int{p.R, p.In}
		expected[p.key("B")] = []int{p.Out, p.R}
	}
	var missing, unexpected, misshapen, damaged, errs []string
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		if _, ok := f.Tensor(name); !ok {
			missing = append(missing, name)
		}
	}
	for _, t := range f.Tensors() {
		shape, ok := expected[t.Name]
		switch _, err := t.Format(); {
		case !ok:
			unexpected = append(unexpected, fmt.Sprintf("%.200s%s", t.Name, kindOf(t.Name)))
		case !slices.Equal(t.Shape, shape):
			misshapen = append(misshapen, fmt.Sprintf("%s is %v, not %v", t.Name, t.Shape, shape))
		case err != nil:
			errs = append(errs, err.Error())
		case t.FirstNonFinite() >= 0:
			damaged = append(damaged, fmt.Sprintf("%s at element %d", t.Name, t.FirstNonFinite()))
		}
	}
	for _, c := range []struct {
		list      []string
		what, why string
	}{
		{missing, "missing tensors", "PEFT would silently go without them"},
		{unexpected, "unexpected tensors", "neither the base model nor the configuration has such a target; is it the right base?"},
		{misshapen, "tensors of the wrong shape", "this adapter belongs to another model or rank"},
		{damaged, "tensors with NaN or infinity", "the adapter is damaged"},
	} {
		if len(c.list) > 0 {
			errs = append(errs, fmt.Sprintf("%s: %s (%s)", c.what, first(c.list, 4), c.why))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errors.New(first(errs, 4))
}

// first joins at most n items and counts the rest.
func first(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, "; ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], "; "), len(list)-n)
}

// kindOf explains tensors that other kinds of adapters have.
func kindOf(name string) string {
	for _, k := range []struct{ part, kind string }{
		{"lora_embedding_", "of an embedding"}, {"lora_magnitude_vector", "of DoRA"}, {"lora_B.bias", "of lora_bias"},
		{"." + outputEmbedding + ".", "of the output embedding"},
	} {
		if strings.Contains(name, k.part) {
			return " (" + k.kind + ", not supported)"
		}
	}
	return ""
}

// readFactor reads a tensor that checkFile has found to be in order.
func readFactor(f *safetensors.File, name string, rows, cols int) (*tensor.Param, error) {
	t, _ := f.Tensor(name)
	data, err := t.Float32s()
	if err != nil {
		return nil, err
	}
	p := tensor.NewParam(name, rows, cols)
	copy(p.Value.Data, data)
	return p, nil
}
