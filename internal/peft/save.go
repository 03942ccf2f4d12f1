package peft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/safetensors"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Save writes the adapter to a folder, which it makes where necessary, as PEFT
// does: every factor in F32. Each of the two files is written whole or not at
// all.
func (a *Adapter) Save(dir string) error {
	if err := fsutil.MkdirAll(dir); err != nil {
		return err
	}
	if err := fsutil.WriteTo(filepath.Join(dir, WeightsFile), a.writeWeights); err != nil {
		return err
	}
	config, err := a.Spec.marshal()
	if err != nil {
		return err
	}
	return fsutil.WriteFile(filepath.Join(dir, ConfigFile), config)
}

func (a *Adapter) writeWeights(w io.Writer) error {
	byName := map[string]tensor.Matrix{}
	var tensors []safetensors.Tensor
	for _, p := range a.Params() {
		byName[p.Name] = p.Value
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, DType: "F32", Shape: []int{p.Value.Rows, p.Value.Cols}})
	}
	return safetensors.WriteStream(w, tensors, map[string]string{"format": "pt"}, func(t safetensors.Tensor) ([]byte, error) {
		return safetensors.F32Tensor(t.Name, t.Shape, byName[t.Name].Data).Data, nil
	})
}

// marshal returns adapter_config.json: the fields every version of PEFT knows, no
// other, keys sorted.
func (s Spec) marshal() ([]byte, error) {
	var base, layers, targets any
	if s.BaseModel != "" {
		base = s.BaseModel
	}
	if len(s.Layers) > 0 {
		layers = s.Layers
	}
	if targets = s.Targets.Names; s.Targets.Pattern != "" {
		targets = s.Targets.Pattern
	}
	dropout := strconv.FormatFloat(s.Dropout, 'g', -1, 64)
	if !strings.ContainsAny(dropout, ".e") {
		dropout += ".0" // a float in Python
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(map[string]any{
		"alpha_pattern":           marshalPattern(s.AlphaPattern),
		"auto_mapping":            nil,
		"base_model_name_or_path": base,
		"bias":                    "none",
		"fan_in_fan_out":          false,
		"inference_mode":          true,
		"init_lora_weights":       true,
		"layers_pattern":          nil,
		"layers_to_transform":     layers,
		"loftq_config":            struct{}{},
		"lora_alpha":              number(s.Alpha),
		"lora_dropout":            json.RawMessage(dropout),
		"megatron_config":         nil,
		"megatron_core":           "megatron.core",
		"modules_to_save":         nil,
		"peft_type":               "LORA",
		"r":                       s.R,
		"rank_pattern":            marshalPattern(s.RankPattern),
		"revision":                nil,
		"target_modules":          targets,
		"task_type":               "CAUSAL_LM",
		"use_dora":                false,
		"use_rslora":              s.UseRSLoRA,
	})
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// number is the shortest form of v, an integer where it is one: some readers take
// nothing else.
func number(v float64) json.RawMessage {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return json.RawMessage(fmt.Sprintf("%.0f", v))
	}
	return json.RawMessage(strconv.FormatFloat(v, 'g', -1, 64))
}
