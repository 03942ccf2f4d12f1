package peft

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/fsutil"
)

func TestMarshalSpec(t *testing.T) {
	s := Spec{R: 16, Alpha: 32, Targets: Targets{Names: []string{"k_proj", "q_proj", "v_proj"}}, BaseModel: "meta-llama/Llama-3.2-1B"}
	want := `{
  "alpha_pattern": {},
  "auto_mapping": null,
  "base_model_name_or_path": "meta-llama/Llama-3.2-1B",
  "bias": "none",
  "fan_in_fan_out": false,
  "inference_mode": true,
  "init_lora_weights": true,
  "layers_pattern": null,
  "layers_to_transform": null,
  "loftq_config": {},
  "lora_alpha": 32,
  "lora_dropout": 0.0,
  "megatron_config": null,
  "megatron_core": "megatron.core",
  "modules_to_save": null,
  "peft_type": "LORA",
  "r": 16,
  "rank_pattern": {},
  "revision": null,
  "target_modules": [
    "k_proj",
    "q_proj",
    "v_proj"
  ],
  "task_type": "CAUSAL_LM",
  "use_dora": false,
  "use_rslora": false
}`
	if got, err := s.marshal(); err != nil || string(got) != want {
		t.Errorf("%v, wrote\n%s", err, got)
	}
	s = Spec{R: 1, Alpha: 2.5, Dropout: 0.05, Targets: Targets{Pattern: `<.*\.q_proj>`}, UseRSLoRA: true,
		RankPattern: []Override[int]{{"z", 3}, {`a"\.`, 4}}, AlphaPattern: []Override[float64]{{"b", 1.5}, {"a", 1e20}}}
	got, err := s.marshal()
	for _, part := range []string{`"lora_alpha": 2.5`, `"lora_dropout": 0.05`, `"target_modules": "<.*\\.q_proj>"`, `"use_rslora": true`, `"base_model_name_or_path": null`,
		"\"rank_pattern\": {\n    \"z\": 3,\n    \"a\\\"\\\\.\": 4\n  }", "\"alpha_pattern\": {\n    \"b\": 1.5,\n    \"a\": 1e+20\n  }"} {
		if err != nil || !strings.Contains(string(got), part) {
			t.Errorf("%v, no %s in\n%s", err, part, got)
		}
	}
	if back, err := parseConfig(got); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("read back %+v, %v", back, err)
	}
}

func TestParseConfigDefaults(t *testing.T) {
	want := Spec{R: 8, Alpha: 8, Targets: Targets{Names: []string{"q_proj", "v_proj"}}}
	for _, extra := range []string{"", `,"lora_alpha":8.0`, `,"r":null,"target_modules":null,"bias":null,"task_type":null`,
		`,"init_lora_weights":"gaussian","qalora_group_size":16,"megatron_core":"x","peft_version":"9"`,
		`,"from_the_future":null,"another":false,"third":[],"fourth":{ },"fifth":""`} {
		if got, err := parseConfig([]byte(`{"peft_type":"LORA"` + extra + `}`)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", extra, got, err)
		}
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for _, c := range []struct{ fields, want string }{
		{`"peft_type":"LOHA"`, `peft_type is "LOHA": only LORA adapters`},
		{`"peft_type":null`, `peft_type is "": only LORA adapters`},
		{`"task_type":"SEQ_CLS"`, `task_type is "SEQ_CLS": only adapters for CAUSAL_LM`},
		{`"bias":"all"`, `bias is "all": trained biases`},
		{`"init_lora_weights":"pissa"`, `init_lora_weights is "pissa": such an adapter belongs to base weights that were changed`},
		{`"use_dora":true`, `"use_dora" is true: this is not supported, only plain LoRA is`},
		{`"modules_to_save":["lm_head"]`, `"modules_to_save" is ["lm_head"]: this is not supported`},
		{`"lora_bias":true`, `"lora_bias" is true`},
		{`"fan_in_fan_out":true`, `"fan_in_fan_out" is true`},
		{`"trainable_token_indices":[1]`, `"trainable_token_indices" is [1]`},
		{`"layer_replication":[[0,1]]`, `"layer_replication" is [[0,1]]`},
		{`"use_qalora":true`, `"use_qalora" is true`},
		{`"megatron_config":{"a":1}`, `"megatron_config" is {"a":1}`},
		{`"target_parameters":["x"]`, `"target_parameters" is ["x"]`},
		{`"from_the_future":16`, `"from_the_future" is 16`},
		{`"r":4.5`, "r is 4.5"},
		{`"r":"4"`, `r is "4"`},
		{`"r":0`, "r is 0, a rank is at least 1"},
		{`"r":99999999999999999999`, "r is 99999999999999999999"},
		{`"lora_alpha":1e999`, "lora_alpha is 1e999"},
		{`"lora_dropout":-0.1`, "lora_dropout is -0.1"},
		{`"use_rslora":1`, "use_rslora is 1"},
		{`"target_modules":{"a":1}`, "target_modules is neither a list of names nor a regular expression"},
		{`"exclude_modules":[1]`, "exclude_modules is neither"},
		{`"layers_to_transform":"1"`, "layers_to_transform is neither a number nor a list"},
		{`"target_modules":".*q_proj","layers_to_transform":[1]`, "layers go with a list of target modules only"},
		{`"layers_pattern":"h"`, `layers_pattern is "h": supported is "layers"`},
		{`"rank_pattern":["q_proj"]`, "rank_pattern is not an object"},
		{`"rank_pattern":{"q_proj":1.5}`, `rank_pattern: value of "q_proj"`},
		{`"rank_pattern":{"q_proj":0}`, `rank_pattern "q_proj" is 0`},
		{`"alpha_pattern":{"q_proj":[[]]}`, `alpha_pattern: value of "q_proj"`},
		{`"alpha_pattern":{"q_proj":1,"q_proj":2}`, `alpha_pattern: "q_proj" comes twice`},
		{`"x":` + strings.Repeat("[", 1<<16), "not a JSON object: "},
	} {
		config := `{"peft_type":"LORA",` + c.fields + `}`
		if strings.HasPrefix(c.fields, `"peft_type"`) {
			config = "{" + c.fields + "}"
		}
		if _, err := parseConfig([]byte(config)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: error %v, want one with %q", c.fields, err, c.want)
		}
	}
	// All problems at once.
	_, err := parseConfig([]byte(`{"peft_type":"LORA","use_dora":true,"bias":"all","r":"x"}`))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three problems: %v", err)
	}
	for _, b := range []string{"", "[]", "null", "1", `{"r":1`, "{}{}"} {
		if _, err := parseConfig([]byte(b)); err == nil {
			t.Errorf("%q was accepted", b)
		}
	}
	_, err = ReadConfig(t.TempDir())
	wantInput(t, err, "holds no adapter_config.json")
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"peft_type":"LORA","target_modules":["q_proj"],"rank_pattern":{"q_proj":2}}`))
	f.Add([]byte(`{"peft_type":"LORA","target_modules":".*","layers_to_transform":3,"alpha_pattern":{"(":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseConfig(b)
		if err != nil {
			return
		}
		if a, err := assemble(s, tiny, false); err == nil && len(a.Pairs) == 0 {
			t.Error("no pairs and no error")
		}
		saved, err := s.marshal()
		if err != nil {
			t.Fatal(err)
		}
		s.Exclude = Targets{} // saved as names once resolved
		if again, err := parseConfig(saved); err != nil || !reflect.DeepEqual(norm(again), norm(s)) {
			t.Errorf("%s: read back as %+v, %v, not %+v", saved, again, err, s)
		}
	})
}

// norm drops the difference between an empty list and none.
func norm(s Spec) Spec {
	if len(s.Layers) == 0 {
		s.Layers = nil
	}
	return s
}

// FuzzLoad reads any adapter's two files for a model of 14 layers.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{ConfigFile, WeightsFile} {
		if _, err := os.Stat(filepath.Join(adapterDir, name)); err != nil {
			f.Fatal(err)
		}
	}
	config, _ := os.ReadFile(filepath.Join(adapterDir, ConfigFile))
	weights, _ := os.ReadFile(filepath.Join(adapterDir, WeightsFile))
	f.Add(config, weights)
	f.Add([]byte(`{"peft_type":"LORA","target_modules":["q_proj"],"r":1048576}`), weights)
	f.Fuzz(func(t *testing.T, config, weights []byte) {
		dir := t.TempDir()
		if err := errors.Join(os.WriteFile(filepath.Join(dir, ConfigFile), config, 0o644), os.WriteFile(filepath.Join(dir, WeightsFile), weights, 0o644)); err != nil {
			t.Fatal(err)
		}
		a, err := Load(dir, tiny, AllowZeroB)
		if err != nil {
			if input := (*fsutil.InputError)(nil); !errors.As(err, &input) {
				t.Errorf("not an input error: %v", err)
			}
			return
		}
		for _, p := range a.Params() {
			if len(p.Value.Data) != p.Value.Rows*p.Value.Cols || len(p.Value.Data) > len(weights) {
				t.Errorf("%s is %d x %d of %d bytes", p.Name, p.Value.Rows, p.Value.Cols, len(weights))
			}
		}
	})
}

// TestHostileConfig: sizes that a configuration claims take no memory, and its
// expressions no time.
func TestHostileConfig(t *testing.T) {
	weights, err := os.ReadFile(filepath.Join(adapterDir, WeightsFile))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`"target_modules":["q_proj"],"r":1073741824`:                                     "tensors of the wrong shape",
		`"target_modules":["q_proj"],"r":9223372036854775807`:                            "tensors of the wrong shape",
		`"target_modules":["q_proj"],"rank_pattern":{"q_proj":4611686018427387904}`:      "tensors of the wrong shape",
		`"target_modules":"` + strings.Repeat("(.?){1000}|", 10_000) + `q"`:              "cannot be used",
		`"target_modules":["q_proj"],"rank_pattern":{"(((x?){100}){10}){10}":1}`:         "cannot be used",
		`"target_modules":["` + strings.Repeat(`a","`, 100_000) + `q_proj"],"r":1048576`: "tensors of the wrong shape",
		`"base_model_name_or_path":"` + strings.Repeat("a", 17<<20) + `"`:                "longer than 16 MiB",
	} {
		dir := t.TempDir()
		if err := errors.Join(os.WriteFile(filepath.Join(dir, ConfigFile), []byte(`{"peft_type":"LORA",`+text+`}`), 0o644), os.WriteFile(filepath.Join(dir, WeightsFile), weights, 0o644)); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Load(dir, tiny)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: %.300v, want %s", text, err, want)
		}
		if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 128 {
			t.Errorf("%.100s: %d MiB allocated", text, mib)
		}
	}
}
