package peft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// File names of an adapter folder.
const (
	ConfigFile  = "adapter_config.json"
	WeightsFile = "adapter_model.safetensors"
)

// ReadConfig reads the adapter_config.json of an adapter folder. A setting that
// we cannot compute, known to PEFT or not, is an error that names it; all of them
// are reported at once. Errors are InputErrors.
func ReadConfig(dir string) (Spec, error) {
	path := filepath.Join(dir, ConfigFile)
	b, err := fsutil.ReadFile(path, fsutil.MaxSettings)
	if errors.Is(err, os.ErrNotExist) {
		return Spec{}, fsutil.Inputf(dir, "holds no %s: not the folder of a PEFT adapter", ConfigFile)
	} else if err != nil {
		return Spec{}, fsutil.Input(path, err)
	}
	s, err := parseConfig(b)
	if err != nil {
		return Spec{}, fsutil.Input(path, err)
	}
	return s, nil
}

// harmless fields say nothing about what the adapter computes.
var harmless = []string{"auto_mapping", "corda_config", "eva_config", "inference_mode",
	"loftq_config", "lora_ga_config", "megatron_core", "peft_version", "qalora_group_size", "revision"}

// fields holds the JSON values of a configuration and collects what is wrong.
type fields struct {
	raw  map[string]json.RawMessage
	errs []error
}

func parseConfig(b []byte) (Spec, error) {
	f := &fields{}
	if err := json.Unmarshal(b, &f.raw); err != nil {
		return Spec{}, fmt.Errorf("not a JSON object: %w", err)
	}
	s := Spec{R: 8, Alpha: 8}
	f.kind()
	f.get("base_model_name_or_path", &s.BaseModel)
	f.get("r", &s.R)
	f.get("lora_alpha", &s.Alpha)
	f.get("lora_dropout", &s.Dropout)
	f.get("use_rslora", &s.UseRSLoRA)
	f.targets("target_modules", &s.Targets)
	f.targets("exclude_modules", &s.Exclude)
	f.layers(&s)
	pattern(f, "rank_pattern", &s.RankPattern)
	pattern(f, "alpha_pattern", &s.AlphaPattern)
	if s.Targets.empty() {
		s.Targets.Names = []string{"q_proj", "v_proj"} // PEFT's default for LLaMA and Qwen
	}
	for _, key := range slices.Sorted(maps.Keys(f.raw)) {
		if !slices.Contains(harmless, key) && !isDefault(f.raw[key]) {
			f.fail("%.100q is %.100s: this is not supported, only plain LoRA is", key, f.raw[key])
		}
	}
	if len(f.errs) == 0 {
		return s, s.check()
	}
	return s, errors.Join(f.errs...)
}

// isDefault reports whether a value says that a feature is not used.
func isDefault(raw json.RawMessage) bool {
	var b bytes.Buffer
	return json.Compact(&b, raw) == nil && slices.Contains([]string{"null", "false", "{}", "[]", `""`}, b.String())
}

func (f *fields) fail(format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf(format, args...))
}

// get reads a value into the variable at into, which keeps its default where the
// value is absent or null. A field that was read is done with.
func (f *fields) get(key string, into any) {
	raw := f.take(key)
	if raw == nil {
		return
	}
	if json.Unmarshal(raw, into) != nil {
		f.fail("%s is %.100s, but must be %s", key, raw, wanted(into))
	}
}

// wanted says what get can read into a variable.
func wanted(into any) string {
	switch into.(type) {
	case *int:
		return "a whole number"
	case *float64:
		return "a number"
	case *bool:
		return "true or false"
	case *string:
		return "a text"
	}
	return "an object"
}

// take removes a field and returns its value, nil for null.
func (f *fields) take(key string) json.RawMessage {
	raw := f.raw[key]
	delete(f.raw, key)
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// kind checks the fields whose values we know only some of.
func (f *fields) kind() {
	for _, c := range []struct {
		key, missing string
		known        []string
		why          string
	}{
		{"peft_type", "", []string{"LORA"}, "only LORA adapters are supported"},
		{"task_type", "CAUSAL_LM", []string{"CAUSAL_LM"}, "only adapters for CAUSAL_LM are supported"},
		{"bias", "none", []string{"none"}, "trained biases are not supported"},
		{"init_lora_weights", "true", []string{"true", "false", "gaussian", "eva", "orthogonal"},
			"such an adapter belongs to base weights that were changed when it was made; save it as a plain one with path_initial_model_for_weight_conversion"},
	} {
		value := c.missing
		if raw := f.take(c.key); raw != nil && json.Unmarshal(raw, &value) != nil {
			value = string(raw)
		}
		if !slices.Contains(c.known, value) {
			f.fail("%s is %.100q: %s", c.key, value, c.why)
		}
	}
}

// targets reads a list of names or a regular expression.
func (f *fields) targets(key string, into *Targets) {
	raw := f.take(key)
	if raw == nil || json.Unmarshal(raw, &into.Pattern) == nil {
		return
	}
	if json.Unmarshal(raw, &into.Names) != nil {
		f.fail("%s is neither a list of names nor a regular expression", key)
	}
}

// layers reads layers_to_transform, a number or a list, and layers_pattern, which
// may say only what is true of every model we know.
func (f *fields) layers(s *Spec) {
	if raw := f.take("layers_to_transform"); raw != nil {
		var one int
		if json.Unmarshal(raw, &one) == nil {
			s.Layers = []int{one}
		} else if json.Unmarshal(raw, &s.Layers) != nil {
			f.fail("layers_to_transform is neither a number nor a list of numbers")
		}
	}
	switch raw := f.take("layers_pattern"); string(bytes.ReplaceAll(raw, []byte(" "), nil)) {
	case "", `""`, "[]", `"layers"`, `["layers"]`:
	default:
		f.fail("layers_pattern is %.100s: supported is \"layers\"", raw)
	}
}

// pattern reads an object whose order matters.
func pattern[T int | float64](f *fields, key string, into *[]Override[T]) {
	raw := f.take(key)
	if raw == nil {
		return
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if tok, _ := d.Token(); tok != json.Delim('{') {
		f.fail("%s is not an object of patterns and numbers", key)
		return
	}
	seen := map[string]bool{}
	for d.More() {
		tok, _ := d.Token() // valid JSON, therefore a key
		o := Override[T]{Pattern: tok.(string)}
		if err := d.Decode(&o.Value); err != nil {
			f.fail("%s: value of %.100q: %w", key, o.Pattern, err)
			return
		}
		if seen[o.Pattern] {
			f.fail("%s: %.100q comes twice", key, o.Pattern)
		}
		seen[o.Pattern] = true
		*into = append(*into, o)
	}
}

// marshalPattern returns the patterns as an object, in their order.
func marshalPattern[T int | float64](list []Override[T]) json.RawMessage {
	var b strings.Builder
	for i, o := range list {
		key, _ := json.Marshal(o.Pattern)
		fmt.Fprintf(&b, "%s%s:%s", []string{"{", ","}[min(i, 1)], key, number(float64(o.Value)))
	}
	if len(list) == 0 {
		b.WriteByte('{')
	}
	return json.RawMessage(b.String() + "}")
}
