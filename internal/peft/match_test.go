package peft

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

// matching.json holds PEFT's own choice of modules, ranks and scales.
func TestMatchingAsPEFT(t *testing.T) {
	var cases []struct {
		Config  json.RawMessage
		Modules map[string][2]float64
	}
	if err := json.Unmarshal(read(t, "testdata/matching.json"), &cases); err != nil || len(cases) < 20 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		spec, err := parseConfig(c.Config)
		if err != nil {
			t.Errorf("%s: %v", c.Config, err)
			continue
		}
		a, err := assemble(spec, tiny, false)
		if err != nil {
			t.Errorf("%s: %v", c.Config, err)
			continue
		}
		got := map[string][2]float64{}
		for _, p := range a.Pairs {
			got[p.Module] = [2]float64{float64(p.R), p.Scale}
		}
		if !reflect.DeepEqual(got, c.Modules) {
			t.Errorf("%s:\n got %v\nwant %v", c.Config, got, c.Modules)
		}
		// What is saved means the same.
		saved, err := a.Spec.marshal()
		if err != nil {
			t.Fatal(err)
		}
		if spec, err = parseConfig(saved); err != nil {
			t.Errorf("%s: own output: %v", saved, err)
			continue
		}
		if again, err := assemble(spec, tiny, false); err != nil || !reflect.DeepEqual(again.Pairs, a.Pairs) {
			t.Errorf("%s: own output means %v, %v", saved, again, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	names := func(n ...string) Targets { return Targets{Names: n} }
	pattern := func(p string) Targets { return Targets{Pattern: p} }
	valid := Spec{R: 2, Alpha: 4, Targets: names("q_proj")}
	for _, c := range []struct {
		name   string
		change func(*Spec)
		want   string
	}{
		{"rank", func(s *Spec) { s.R = 0 }, "r is 0, a rank is at least 1"},
		{"alpha", func(s *Spec) { s.Alpha = math.Inf(1) }, "lora_alpha is not a finite number"},
		{"dropout", func(s *Spec) { s.Dropout = 1 }, "lora_dropout is 1"},
		{"rank of a pattern", func(s *Spec) { s.RankPattern = []Override[int]{{"q_proj", -1}} }, `rank_pattern "q_proj" is -1`},
		{"no targets", func(s *Spec) { s.Targets = Targets{} }, "nothing would be trained"},
		{"misspelt", func(s *Spec) { s.Targets = names("q_proj", "vproj") }, `"vproj" matches no module (did you mean "v_proj"?); the model has down_proj, gate_proj, k_proj`},
		{"misspelt in full", func(s *Spec) { s.Targets = names("model.layers.1.mlp.upproj") }, `did you mean "model.layers.1.mlp.up_proj"?`},
		{"alien", func(s *Spec) { s.Targets = names("query_key_value") }, `"query_key_value" matches no module; the model has`},
		{"part of a segment", func(s *Spec) { s.Targets = names("_proj") }, "matches no module"},
		{"misspelt exclusion", func(s *Spec) { s.Exclude = names("lm_head", "v_prj") }, `exclude_modules: "v_prj" matches no module (did you mean "v_proj"?)`},
		{"all excluded", func(s *Spec) { s.Exclude = names("q_proj") }, "no module is left to adapt by target_modules [q_proj], exclude_modules [q_proj]"},
		{"layer", func(s *Spec) { s.Layers = []int{0, 2} }, "there is no layer 2, the model has 0 to 1"},
		{"negative layer", func(s *Spec) { s.Layers = []int{-1} }, "there is no layer -1"},
		{"pattern without a match", func(s *Spec) { s.Targets = pattern("q_proj") }, `no module is left to adapt by target_modules "q_proj"`},
		{"pattern with layers", func(s *Spec) { s.Targets, s.Layers = pattern(".*q_proj"), []int{0} }, "put the layer numbers into the regular expression"},
		{"look-around", func(s *Spec) { s.Targets = pattern(`.*(?<!v)_proj`) }, "look-around and back-references are not supported"},
		{"back-reference", func(s *Spec) { s.Targets = pattern(`(.)\1.*`) }, "look-around and back-references are not supported"},
		{"closes our group", func(s *Spec) { s.Targets = pattern(`a)|(?:.*`) }, "unexpected ): `a)|(?:.*`"},
		{"Python's {,n}", func(s *Spec) { s.Targets = pattern(`.{,40}q_proj`) }, "write {0,n} for {,n}"},
		{"override", func(s *Spec) { s.AlphaPattern = []Override[float64]{{"(", 1}} }, "alpha_pattern: the regular expression"},
		{"head", func(s *Spec) { s.Targets = names("q_proj", "lm_head") }, "lm_head cannot be adapted: adapters on the output embedding are not supported"},
		{"embedding", func(s *Spec) { s.Targets = names("embed_tokens") }, "model.embed_tokens cannot be adapted: it is an embedding"},
		{"everything", func(s *Spec) { s.Targets = pattern(".*") }, "lm_head cannot be adapted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := valid
			c.change(&s)
			_, err := New(s, tiny, "kaiming", 1)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	if _, err := New(valid, tiny, "pissa", 1); err == nil || !strings.Contains(err.Error(), `init is "pissa"`) {
		t.Errorf("init: %v", err)
	}
}

// lm_head as a module of the model changes nothing.
func TestOutputEmbeddingIsLeftAlone(t *testing.T) {
	with := append([]Module{{"lm_head", 16, 20}}, tiny...)
	for _, s := range []Spec{
		{R: 1, Targets: Targets{Pattern: "all-linear"}},
		{R: 1, Targets: Targets{Pattern: ".*(proj|head)"}, Exclude: Targets{Names: []string{"lm_head"}}},
	} {
		a, err := New(s, with, "zero", 1)
		if err != nil || len(a.Pairs) != 14 {
			t.Errorf("%v: %v, %v", s.Targets, a, err)
		}
	}
}
