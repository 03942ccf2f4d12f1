package model

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// base is a small valid config.json.
func base() map[string]any {
	return map[string]any{
		"architectures": []string{"LlamaForCausalLM"}, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
		"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 40, "hidden_act": "silu",
		"bos_token_id": 1, "eos_token_id": []int{2, 3}, "max_position_embeddings": 64,
	}
}

func readChanged(t *testing.T, key string, value any) (*Config, error) {
	t.Helper()
	c := base()
	if value == nil {
		delete(c, key)
	} else if key != "" {
		c[key] = value
	}
	dir := t.TempDir()
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return ReadConfig(dir)
}

func TestConfigDefaults(t *testing.T) {
	c, err := readChanged(t, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if c.HeadDim != 4 || c.RopeTheta != 10000 || c.RMSNormEps != 1e-6 || c.TieEmbeddings || c.QKVBias ||
		fmt.Sprint(c.EOS) != "[2 3]" || fmt.Sprint(c.StopTokens) != "[2 3]" || *c.BOS != 1 {
		t.Errorf("%+v", c)
	}
	if c, err = readChanged(t, "architectures", []string{"Qwen2ForCausalLM"}); err != nil || !c.QKVBias || c.OBias {
		t.Errorf("Qwen2: %+v %v", c, err)
	}
	if c, err = readChanged(t, "architectures", []string{"Qwen3ForCausalLM"}); err != nil || c.HeadDim != 128 || !c.QKNorm {
		t.Errorf("Qwen3: %+v %v", c, err)
	}
	if c, err = readChanged(t, "num_key_value_heads", nil); err != nil || c.KVHeads != 4 {
		t.Errorf("without num_key_value_heads: %+v %v", c, err)
	}
	for _, key := range []string{"rope_scaling", "rope_parameters"} {
		if c, err = readChanged(t, key, map[string]any{"rope_type": "linear", "factor": 2.0, "rope_theta": 5e5}); err != nil || c.RopeTheta != 5e5 || c.RopeScale.Factor != 2 {
			t.Errorf("%s: %+v %v", key, c, err)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, c := range []struct {
		key   string
		value any
		want  string
	}{
		{"architectures", []string{"GPT2LMHeadModel"}, `architecture "GPT2LMHeadModel" is not supported; supported are LlamaForCausalLM`},
		{"hidden_act", "gelu", `hidden_act "gelu"`},
		{"hidden_size", nil, "hidden_size is 0"},
		{"hidden_size", 1 << 40, "hidden_size is 1099511627776"},
		{"hidden_size", "16", "config.json"},
		{"num_hidden_layers", -1, "num_hidden_layers is -1"},
		{"num_key_value_heads", 3, "not a multiple of num_key_value_heads 3"},
		{"head_dim", 5, "head_dim 5 is odd"},
		{"rms_norm_eps", 0, "rms_norm_eps 0"},
		{"eos_token_id", 40, "eos_token_id 40 is outside the vocabulary of 40"},
		{"eos_token_id", "x", "eos_token_id must be a token id"},
		{"quantization_config", map[string]any{"bits": 4}, "quantized weights are not supported"},
		{"layer_types", []string{"full_attention", "sliding_attention"}, `layer_types[1] "sliding_attention"`},
		{"attention_dropout", 0.1, "attention_dropout 0.1"},
		{"partial_rotary_factor", 0.5, "partial_rotary_factor 0.5"},
		{"rope_theta", 0, "rope_theta 0"},
		{"rope_scaling", map[string]any{"type": "ntk", "factor": 2}, `rope_scaling of type "ntk" is not supported`},
		{"rope_scaling", map[string]any{"type": "linear"}, "factor 0 must be at least 1"},
		{"rope_scaling", map[string]any{"rope_type": "llama3", "factor": 2}, "llama3 needs original_max_position_embeddings"},
	} {
		_, err := readChanged(t, c.key, c.value)
		var input *fsutil.InputError
		if !errors.As(err, &input) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: error %v, want %q", c.key, c.value, err, c.want)
		}
	}
	if _, err := ReadConfig(t.TempDir()); err == nil || !strings.Contains(err.Error(), "has no config.json") {
		t.Errorf("an empty folder: %v", err)
	}
	c := base()
	c["architectures"], c["use_sliding_window"], c["max_window_layers"] = []string{"Qwen2ForCausalLM"}, true, 1
	raw, _ := json.Marshal(c)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadConfig(dir); err == nil || !strings.Contains(err.Error(), "sliding-window") {
		t.Errorf("an active sliding window: %v", err)
	}
}

// Check values of LLaMA-3.2's scaling for heads of 64 and 128, computed from the
// formula in float64 (θ = 5e5, factor 32, low 1, high 4, original context 8192).
func TestLlama3Frequencies(t *testing.T) {
	orig := 8192
	for d, want := range map[int]map[int]float64{
		64:  {14: .00321144599, 15: .00129054793, 16: .000429556797, 17: 9.7082878e-5, 18: 1.94616382e-5, 31: 9.41830673e-8},
		128: {28: .00321144599, 29: .002118407, 32: .000429556797, 34: 9.7082878e-5, 35: 2.38905309e-5, 63: 7.67231497e-8},
	} {
		r := newRoPE(&Config{HeadDim: d, RopeTheta: 5e5, MaxPositions: 131072, RopeScale: RopeScaling{
			Kind: "llama3", Factor: 32, LowFreqFactor: 1, HighFreqFactor: 4, OriginalMax: &orig}})
		for i, w := range want {
			if got := float64(r.InvFreq[i]); math.Abs(got-w) > 2e-6*w {
				t.Errorf("d = %d: frequency %d is %v, want %v", d, i, got, w)
			}
		}
	}
}

func FuzzReadConfig(f *testing.F) {
	raw, _ := json.Marshal(base())
	f.Add(raw, []byte(`{"eos_token_id":[3,1e1]}`))
	f.Add(raw, []byte(`{"eos_token_id":4}`))
	f.Add([]byte(`{"architectures":["Qwen3ForCausalLM"],"rope_scaling":{"rope_type":"yarn","factor":4},"hidden_size":8}`), []byte("{}"))
	f.Add([]byte(`{"architectures":[]}`), []byte("[]"))
	f.Fuzz(func(t *testing.T, data, generation []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config.json"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "generation_config.json"), generation, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := ReadConfig(dir)
		if err != nil {
			if input := (*fsutil.InputError)(nil); !errors.As(err, &input) {
				t.Errorf("not an input error: %v", err)
			}
			return
		}
		for _, id := range c.StopTokens {
			if id < 0 || int(id) >= c.VocabSize {
				t.Errorf("token %d of %d ends a text", id, c.VocabSize)
			}
		}
		if c.HeadDim <= 1024 {
			newRoPE(c)
		}
	})
}

// TestHostileSizes: a config.json of the largest sizes beside no such weights
// takes no memory.
func TestHostileSizes(t *testing.T) {
	c := base()
	for _, key := range []string{"hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "vocab_size", "max_position_embeddings"} {
		c[key] = maxSize
	}
	c["num_hidden_layers"] = maxLayers
	c["head_dim"] = 2
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const header = `{"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`
	weights := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o644), os.WriteFile(filepath.Join(dir, "model.safetensors"), weights, 0o644)); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = Load(dir)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("%v", err)
	}
	if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 64 {
		t.Errorf("%d MiB allocated", mib)
	}
}
