package peft

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/safetensors"
)

// testdata is made by scripts/golden/adapters.py.
const (
	baseDir    = "testdata/base"
	adapterDir = "testdata/adapter"
)

var tiny = llama(2, 16, 24, 16, 8)

// llama lists the linear layers of a decoder.
func llama(layers, hidden, ff, q, kv int) []Module {
	var all []Module
	for i := range layers {
		p := fmt.Sprintf("model.layers.%d.", i)
		all = append(all,
			Module{p + "self_attn.q_proj", hidden, q}, Module{p + "self_attn.k_proj", hidden, kv},
			Module{p + "self_attn.v_proj", hidden, kv}, Module{p + "self_attn.o_proj", q, hidden},
			Module{p + "mlp.gate_proj", hidden, ff}, Module{p + "mlp.up_proj", hidden, ff}, Module{p + "mlp.down_proj", ff, hidden})
	}
	return all
}

// modulesOf lists the linear layers of a model folder by its tensors.
func modulesOf(t *testing.T, dir string) []Module {
	t.Helper()
	set := openModel(t, dir)
	var all []Module
	for _, name := range set.Names() {
		if x, _ := set.Tensor(name); strings.HasSuffix(name, "_proj.weight") {
			all = append(all, Module{strings.TrimSuffix(name, ".weight"), x.Shape[1], x.Shape[0]})
		}
	}
	return all
}

func openModel(t *testing.T, dir string) *safetensors.Set {
	t.Helper()
	set, err := safetensors.OpenModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

func mustLoad(t *testing.T, dir string, modules []Module, opts ...Option) *Adapter {
	t.Helper()
	a, err := Load(dir, modules, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// wantInput checks that err is an InputError with the text want.
func wantInput(t *testing.T, err error, want string) {
	t.Helper()
	var input *fsutil.InputError
	if !errors.As(err, &input) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want an InputError with %q", err, want)
	}
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, content []byte, elem ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(elem...), content, 0o600); err != nil {
		t.Fatal(err)
	}
}
