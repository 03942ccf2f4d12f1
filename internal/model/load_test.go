package model

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/safetensors"
)

// changedModel writes a copy of testdata's tied qwen2 model with its tensors
// changed.
func changedModel(t *testing.T, change func(map[string]safetensors.Tensor)) string {
	t.Helper()
	src := filepath.Join("testdata", "qwen2")
	f, err := safetensors.Open(filepath.Join(src, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tensors := map[string]safetensors.Tensor{}
	for _, x := range f.Tensors() {
		x.Data = bytes.Clone(x.Data)
		tensors[x.Name] = x
	}
	change(tensors)
	var list []safetensors.Tensor
	for name, x := range tensors {
		x.Name = name
		list = append(list, x)
	}
	var out bytes.Buffer
	if err := safetensors.Write(&out, list, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config, err := os.ReadFile(filepath.Join(src, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"config.json": config, "model.safetensors": out.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	embedName = "model.embed_tokens.weight"
	headName  = "lm_head.weight"
	normName  = "model.norm.weight"
)

func TestLoadAccepts(t *testing.T) {
	for name, change := range map[string]func(map[string]safetensors.Tensor){
		"as it is":           func(map[string]safetensors.Tensor) {},
		"head alone":         func(m map[string]safetensors.Tensor) { m[headName] = m[embedName]; delete(m, embedName) },
		"both, equal":        func(m map[string]safetensors.Tensor) { m[headName] = m[embedName] },
		"an old LLaMA extra": func(m map[string]safetensors.Tensor) { m["model.layers.0.self_attn.rotary_emb.inv_freq"] = m[normName] },
	} {
		m, err := Load(changedModel(t, change))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Embed != m.Head.W {
			t.Errorf("%s: embedding and head are two copies", name)
		}
		m.Close()
	}
}

func TestLoadRefuses(t *testing.T) {
	const q = "model.layers.1.self_attn.q_proj.weight"
	for name, c := range map[string]struct {
		change func(map[string]safetensors.Tensor)
		want   []string
	}{
		"missing":    {func(m map[string]safetensors.Tensor) { delete(m, q); delete(m, normName) }, []string{q + " is missing", normName + " is missing"}},
		"unexpected": {func(m map[string]safetensors.Tensor) { m["model.extra"] = m[normName] }, []string{"model.extra is not a tensor of this architecture"}},
		"shape":      {func(m map[string]safetensors.Tensor) { m[q] = m[normName] }, []string{q + " has shape [16], config.json implies [16 16]"}},
		"tied, apart": {func(m map[string]safetensors.Tensor) {
			x := m[embedName]
			x.Data = bytes.Clone(x.Data)
			x.Data[0] ^= 1
			m[headName] = x
		}, []string{"differ although config.json ties them"}},
		"no embedding": {func(m map[string]safetensors.Tensor) { delete(m, embedName) }, []string{embedName + " is missing"}},
		"NaN": {func(m map[string]safetensors.Tensor) {
			bits := uint16(math.Float32bits(float32(math.NaN())) >> 16)
			m[q].Data[6], m[q].Data[7] = byte(bits), byte(bits>>8)
		}, []string{q + " holds a NaN or infinity at element 3"}},
		"another format": {func(m map[string]safetensors.Tensor) { x := m[q]; x.DType = "I16"; m[q] = x }, []string{`"` + q + `" has dtype I16; supported are F32, F16 and BF16`}},
	} {
		_, err := Load(changedModel(t, c.change))
		var input *fsutil.InputError
		if !errors.As(err, &input) {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q lacks %q", name, err, w)
			}
		}
	}
}

// Equal weights have equal hashes however they are sharded; a changed bit shows,
// and so does a number of config.json that the weights' shapes do not tell.
func TestHash(t *testing.T) {
	hash := func(dir string) string {
		m, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		return m.Hash()
	}
	same := changedModel(t, func(map[string]safetensors.Tensor) {})
	other := changedModel(t, func(m map[string]safetensors.Tensor) { m[normName].Data[0] ^= 1 })
	if a, b := hash(same), hash(filepath.Join("testdata", "qwen2")); a != b {
		t.Error("rewritten weights have another hash")
	}
	if hash(same) == hash(other) {
		t.Error("a changed bit leaves the hash as it was")
	}
	path := filepath.Join(other, "config.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before := hash(other)
	raw = regexp.MustCompile(`"rope_theta": *[0-9.e+]+`).ReplaceAll(raw, []byte(`"rope_theta": 777.0`))
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if hash(other) == before {
		t.Error("another rope_theta leaves the hash as it was")
	}
}
