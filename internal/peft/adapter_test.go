package peft

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/golden"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/safetensors"
	"github.com/stablelora/stablelora/internal/tensor"
)

func TestInit(t *testing.T) {
	const in, r = 64, 32
	modules := []Module{{"model.layers.0.mlp.up_proj", in, 8}, {"model.layers.1.mlp.up_proj", in, 8}}
	spec := Spec{R: r, Alpha: 64, Targets: Targets{Names: []string{"up_proj"}}}
	for _, c := range []struct {
		init          string
		variance, max float64
	}{
		{"kaiming", 1. / in / 3, 1. / 8}, {"he", 1. / in, math.Inf(1)}, {"gaussian", 1. / r / r, math.Inf(1)}, {"zero", 0, 0},
	} {
		a, err := New(spec, modules, c.init, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range a.Pairs {
			var sum, square float64
			for _, v := range p.A.Value.Data {
				sum, square = sum+float64(v), square+float64(v)*float64(v)
				if math.Abs(float64(v)) > c.max {
					t.Fatalf("%s: %v is out of range", c.init, v)
				}
			}
			n := float64(len(p.A.Value.Data))
			// Four standard errors; the variance of a square is at most 2σ⁴.
			if mean := sum / n; math.Abs(mean) > 4*math.Sqrt(c.variance/n) {
				t.Errorf("%s: mean %v", c.init, mean)
			}
			if got := square / n; math.Abs(got-c.variance) > 4*c.variance*math.Sqrt(2/n) {
				t.Errorf("%s: variance %v, want %v", c.init, got, c.variance)
			}
			if slices.ContainsFunc(p.B.Value.Data, func(v float32) bool { return v != 0 }) || p.Scale != 2 || p.B.Value.Rows != 8 {
				t.Errorf("%s: B is not zero, or scale is %v", c.init, p.Scale)
			}
		}
		// A factor depends on the seed and its module, not on its neighbours.
		second, err := New(spec, modules[1:], c.init, 7)
		if err != nil || !slices.Equal(second.Pairs[0].A.Value.Data, a.Pairs[1].A.Value.Data) {
			t.Errorf("%s: drawn alone the factor differs (%v)", c.init, err)
		}
		other, err := New(spec, modules, c.init, 8)
		if c.init != "zero" && (err != nil || other.Pairs[0].A.Value.Data[0] == a.Pairs[0].A.Value.Data[0] ||
			a.Pairs[0].A.Value.Data[0] == a.Pairs[1].A.Value.Data[0]) {
			t.Errorf("%s: seed or module makes no difference", c.init)
		}
	}
}

// An adapter that PEFT wrote is written again with the same bytes.
func TestLoadAndSave(t *testing.T) {
	a := mustLoad(t, adapterDir, tiny)
	checkSaved(t, a, adapterDir, tiny)
	if a.Spec.BaseModel != "base" || a.Dir != adapterDir || len(a.Params()) != 28 {
		t.Errorf("base %q, folder %q, %d factors", a.Spec.BaseModel, a.Dir, len(a.Params()))
	}
	p := a.Pairs[0]
	if p.Module != "model.layers.0.self_attn.q_proj" || p.R != 2 || p.Scale != 4/math.Sqrt(2) ||
		p.A.Name != "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" || p.A.Grad.Rows != 2 {
		t.Errorf("first pair %+v", p)
	}
}

func checkSaved(t *testing.T, a *Adapter, dir string, modules []Module) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "made", "on the way")
	if err := a.Save(out); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(read(t, out, WeightsFile), read(t, dir, WeightsFile)) {
		t.Errorf("%s: %s differs", dir, WeightsFile)
	}
	var got, want map[string]any
	if json.Unmarshal(read(t, out, ConfigFile), &got) != nil || json.Unmarshal(read(t, dir, ConfigFile), &want) != nil || len(got) != 23 {
		t.Fatalf("%d keys", len(got))
	}
	for key, v := range got {
		w := want[key]
		if list, ok := w.([]any); ok {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.(string), b.(string)) }) // PEFT keeps a set
		}
		if !reflect.DeepEqual(v, w) {
			t.Errorf("%s: %s is %v, PEFT wrote %v", dir, key, v, w)
		}
	}
	again := mustLoad(t, out, modules, AllowZeroB)
	again.Dir = a.Dir
	if !reflect.DeepEqual(again, a) {
		t.Errorf("%s: saved and loaded, the adapter differs", dir)
	}
}

func TestFixtures(t *testing.T) {
	root := golden.Shared(t, "fixtures")
	for name, model := range map[string]string{"f16-patterns": "llama-f16", "llama3-qv": "llama3-tiny", "qwen2-all7": "qwen2-tiny",
		"qwen3-qkvo": "qwen3-tiny", "untied-rslora": "llama-untied-sharded"} {
		dir, modules := filepath.Join(root, "adapters", name), modulesOf(t, filepath.Join(root, "models", model))
		a := mustLoad(t, dir, modules)
		checkSaved(t, a, dir, modules)
		var want struct{ Scaling map[string]float64 }
		if err := json.Unmarshal(read(t, root, "grads", name+".json"), &want); err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, p := range a.Pairs {
			got["base_model.model."+p.Module] = p.Scale
		}
		if !reflect.DeepEqual(got, want.Scaling) {
			t.Errorf("%s: scales %v, want %v", name, got, want.Scaling)
		}
	}
	traces, err := filepath.Glob(filepath.Join(root, "adapters", "trace-*"))
	if err != nil || len(traces) == 0 {
		t.Fatal("no starting points of the traces", err)
	}
	for _, dir := range traces { // B = 0
		base := map[bool]string{true: "llama-untied-sharded"}[strings.HasSuffix(dir, "untied")]
		for _, m := range []string{"llama3-tiny", "qwen2-tiny"} {
			if strings.HasSuffix(dir, m) {
				base = m
			}
		}
		modules := modulesOf(t, filepath.Join(root, "models", base))
		checkSaved(t, mustLoad(t, dir, modules, AllowZeroB), dir, modules)
		_, err := Load(dir, modules)
		wantInput(t, err, "every lora_B is zero, base_model.model.model.layers.0.")
	}
}

func TestLoadRefuses(t *testing.T) {
	a := mustLoad(t, adapterDir, tiny)
	key := func(i int, factor string) string { return a.Pairs[i].key(factor) }
	type tensors = map[string]safetensors.Tensor
	f32 := func(name string, shape ...int) safetensors.Tensor {
		x := safetensors.Tensor{Shape: shape}
		return safetensors.F32Tensor(name, shape, make([]float32, x.Elements()))
	}
	for _, c := range []struct {
		name   string
		change func(tensors)
		want   string
	}{
		{"missing", func(m tensors) { delete(m, key(3, "B")) }, "missing tensors: " + key(3, "B") + " (PEFT would silently"},
		{"many missing", func(m tensors) { clear(m) }, "and 24 more"},
		{"unexpected", func(m tensors) { m["x"] = f32("x", 1) }, "unexpected tensors: x (neither the base model"},
		{"embedding", func(m tensors) { n := "base_model.model.model.embed_tokens.lora_embedding_A"; m[n] = f32(n, 1) }, "of an embedding, not supported"},
		{"DoRA", func(m tensors) { n := "a.lora_magnitude_vector"; m[n] = f32(n, 1) }, "a.lora_magnitude_vector (of DoRA, not supported)"},
		{"head", func(m tensors) { n := "base_model.model.lm_head.lora_A.weight"; m[n] = f32(n, 1) }, "of the output embedding, not supported"},
		{"shape", func(m tensors) { m[key(0, "A")] = f32(key(0, "A"), 2, 17) }, key(0, "A") + " is [2 17], not [2 16] (this adapter belongs to another model or rank)"},
		{"transposed", func(m tensors) { m[key(0, "A")] = f32(key(0, "A"), 16, 2) }, "is [16 2], not [2 16]"},
		{"NaN", func(m tensors) {
			m[key(1, "B")] = safetensors.F32Tensor(key(1, "B"), []int{8, 3}, append(make([]float32, 23), float32(math.NaN())))
		}, "tensors with NaN or infinity: " + key(1, "B") + " at element 23"},
		{"dtype", func(m tensors) {
			m[key(1, "B")] = safetensors.Tensor{Name: key(1, "B"), DType: "F8_E4M3", Shape: []int{8, 3}, Data: make([]byte, 24)}
		}, "has dtype F8_E4M3; supported are"},
		{"zero", func(m tensors) {
			for i := range a.Pairs {
				m[key(i, "B")] = f32(key(i, "B"), a.Pairs[i].Out, a.Pairs[i].R)
			}
		}, "every lora_B is zero"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := tensors{}
			for _, p := range a.Params() {
				m[p.Name] = safetensors.F32Tensor(p.Name, []int{p.Value.Rows, p.Value.Cols}, p.Value.Data)
			}
			c.change(m)
			dir := t.TempDir()
			writeTensors(t, filepath.Join(dir, WeightsFile), m)
			write(t, read(t, adapterDir, ConfigFile), dir, ConfigFile)
			_, err := Load(dir, tiny)
			wantInput(t, err, c.want)
		})
	}
	// Another model: every shape is wrong, the message stays short.
	_, err := Load(adapterDir, llama(2, 32, 48, 32, 16))
	wantInput(t, err, "and 24 more (this adapter belongs to another model or rank)")
	_, err = Load(adapterDir, llama(1, 16, 24, 16, 8))
	wantInput(t, err, "is it the right base?")
	_, err = Load(adapterDir, []Module{{"transformer.h.0.attn.c_attn", 1, 1}})
	wantInput(t, err, "no module is left to adapt")

	dir := t.TempDir()
	write(t, read(t, adapterDir, ConfigFile), dir, ConfigFile)
	_, err = Load(dir, tiny)
	wantInput(t, err, WeightsFile+": no such file")
	write(t, nil, dir, "adapter_model.bin")
	_, err = Load(dir, tiny)
	wantInput(t, err, "only safetensors are read")
}

func writeTensors(t *testing.T, path string, m map[string]safetensors.Tensor) {
	t.Helper()
	var list []safetensors.Tensor
	for _, x := range m {
		list = append(list, x)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := safetensors.Write(f, list, nil); err != nil {
		t.Fatal(err)
	}
}

// Adapters in half precision are widened exactly.
func TestLoadWidens(t *testing.T) {
	a := mustLoad(t, adapterDir, tiny)
	m := map[string]safetensors.Tensor{}
	for i, p := range a.Params() {
		x := safetensors.F32Tensor(p.Name, []int{p.Value.Rows, p.Value.Cols}, p.Value.Data)
		half, err := convertInto(nil, x, [...]dtype.DType{dtype.F16, dtype.BF16}[i%2])
		if err != nil {
			t.Fatal(err)
		}
		m[p.Name] = half
	}
	dir := t.TempDir()
	writeTensors(t, filepath.Join(dir, WeightsFile), m)
	write(t, read(t, adapterDir, ConfigFile), dir, ConfigFile)
	for _, p := range mustLoad(t, dir, tiny).Params() {
		if want, err := m[p.Name].Float32s(); err != nil || !slices.Equal(p.Value.Data, want) {
			t.Errorf("%s is not widened exactly (%v)", p.Name, err)
		}
	}
}

type host []*nn.Linear

func (h host) Linears() []*nn.Linear { return h }

func TestAttach(t *testing.T) {
	var h host
	for _, m := range tiny {
		h = append(h, &nn.Linear{Name: m.Name, W: tensor.NewWeight(m.Name, blas.Source{Rows: m.Out, Cols: m.In})})
	}
	if got := Modules(h); !slices.Equal(got, tiny) {
		t.Fatalf("modules %v", got)
	}
	first, err := New(Spec{R: 2, Alpha: 3, Dropout: 0.5, Targets: Targets{Names: []string{"q_proj", "up_proj"}}}, tiny, "he", 1)
	if err != nil {
		t.Fatal(err)
	}
	second, err := New(Spec{R: 2, Alpha: 3, Targets: Targets{Names: []string{"k_proj"}}}, tiny, "he", 1)
	if err != nil {
		t.Fatal(err)
	}
	attached := func() (n int) {
		for _, l := range h {
			if l.LoRA != nil {
				n++
			}
		}
		return n
	}
	first.Attach(h)
	if l := h[5].LoRA; attached() != 4 || l == nil || l.A != first.Pairs[1].A || l.B != first.Pairs[1].B || l.Scale != 1.5 || l.Dropout != 0.5 {
		t.Errorf("%d attached, up_proj has %+v", attached(), l)
	}
	second.Attach(h)
	if attached() != 2 || h[1].LoRA == nil {
		t.Errorf("%d attached after a second adapter took its place", attached())
	}
	Detach(h)
	if attached() != 0 {
		t.Errorf("%d attached after Detach", attached())
	}
}
