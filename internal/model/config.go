package model

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/fsutil"
)

// Config is what a checkpoint's config.json and generation_config.json say of
// its shape, with transformers' defaults filled in.
type Config struct {
	Architecture     string // LlamaForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM
	HiddenSize       int
	IntermediateSize int
	Layers           int
	Heads, KVHeads   int
	HeadDim          int
	VocabSize        int // rows of the embedding
	MaxPositions     int
	RMSNormEps       float64
	TieEmbeddings    bool
	DType            dtype.DType // that the weights are said to have; what they have is in their files
	QKVBias, OBias   bool
	MLPBias          bool
	QKNorm           bool

	RopeTheta float64
	RopeScale RopeScaling

	BOS *int32  // nil: none
	EOS []int32 // config.json's; the first one is appended in training
	// StopTokens end generation: generation_config.json's, else EOS.
	StopTokens []int32
}

// file is config.json, with old and new spellings.
type file struct {
	Architectures    []string `json:"architectures"`
	ModelType        string   `json:"model_type"`
	HiddenSize       int      `json:"hidden_size"`
	IntermediateSize int      `json:"intermediate_size"`
	Layers           int      `json:"num_hidden_layers"`
	Heads            int      `json:"num_attention_heads"`
	KVHeads          *int     `json:"num_key_value_heads"`
	HeadDim          *int     `json:"head_dim"`
	VocabSize        int      `json:"vocab_size"`
	MaxPositions     *int     `json:"max_position_embeddings"`
	RMSNormEps       *float64 `json:"rms_norm_eps"`
	Tie              bool     `json:"tie_word_embeddings"`
	HiddenAct        string   `json:"hidden_act"`
	AttentionBias    bool     `json:"attention_bias"`
	MLPBias          bool     `json:"mlp_bias"`
	AttentionDropout float64  `json:"attention_dropout"`
	PartialRotary    *float64 `json:"partial_rotary_factor"`
	UseSlidingWindow bool     `json:"use_sliding_window"`
	MaxWindowLayers  *int     `json:"max_window_layers"`
	LayerTypes       []string `json:"layer_types"`

	TorchDType     json.RawMessage `json:"torch_dtype"`
	DType          json.RawMessage `json:"dtype"` // newer files' name for it
	Quantization   json.RawMessage `json:"quantization_config"`
	RopeTheta      *float64        `json:"rope_theta"`
	RopeScaling    json.RawMessage `json:"rope_scaling"`
	RopeParameters json.RawMessage `json:"rope_parameters"`

	BOS json.RawMessage `json:"bos_token_id"`
	EOS json.RawMessage `json:"eos_token_id"`
}

// maxSize bounds every dimension of a config.json, far above any real model, so
// that products of two of them cannot overflow.
const maxSize = 1 << 24

// maxLayers bounds the number of blocks: every one is a dozen objects.
const maxLayers = 1 << 12

// ReadConfig reads the folder's config.json and generation_config.json.
func ReadConfig(dir string) (*Config, error) {
	path := filepath.Join(dir, "config.json")
	var f file
	if err := readJSON(path, &f); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fsutil.Inputf(dir, "has no config.json; a model folder holds config.json, *.safetensors and tokenizer.json")
		}
		return nil, err
	}
	c, err := f.config()
	if err != nil {
		return nil, fsutil.Input(path, err)
	}
	var g struct {
		EOS json.RawMessage `json:"eos_token_id"`
	}
	genPath := filepath.Join(dir, "generation_config.json")
	if err := readJSON(genPath, &g); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if c.StopTokens, err = tokenIDs("eos_token_id", g.EOS, c.VocabSize); err != nil {
		return nil, fsutil.Input(genPath, err)
	}
	if len(c.StopTokens) == 0 {
		c.StopTokens = c.EOS
	}
	return c, nil
}

func readJSON(path string, v any) error {
	data, err := fsutil.ReadFile(path, fsutil.MaxSettings)
	if err != nil {
		return fsutil.Input(path, err)
	}
	err = json.Unmarshal(data, v)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fsutil.Inputf(path, "%s is a JSON %s, want %s", wrong.Field, wrong.Value, wrong.Type)
	}
	if err != nil {
		return fsutil.Inputf(path, "is not JSON: %w", err)
	}
	return nil
}

func (f *file) config() (*Config, error) {
	arch, err := f.architecture()
	if err != nil {
		return nil, err
	}
	c := &Config{
		Architecture: arch, HiddenSize: f.HiddenSize, IntermediateSize: f.IntermediateSize, Layers: f.Layers,
		Heads: f.Heads, KVHeads: or(f.KVHeads, 32), VocabSize: f.VocabSize, TieEmbeddings: f.Tie,
		RMSNormEps: or(f.RMSNormEps, 1e-6), MaxPositions: or(f.MaxPositions, 2048),
	}
	switch cmp.Or(string(f.DType), string(f.TorchDType)) {
	case `"bfloat16"`:
		c.DType = dtype.BF16
	case `"float16"`:
		c.DType = dtype.F16
	}
	defaultHeadDim := f.HiddenSize / max(1, f.Heads)
	switch arch {
	case "LlamaForCausalLM":
		c.QKVBias, c.OBias, c.MLPBias = f.AttentionBias, f.AttentionBias, f.MLPBias
		c.KVHeads = or(f.KVHeads, f.Heads)
	case "Qwen2ForCausalLM":
		c.QKVBias = true
		c.MaxPositions = or(f.MaxPositions, 32768)
	case "Qwen3ForCausalLM":
		c.QKVBias, c.OBias, c.QKNorm = f.AttentionBias, f.AttentionBias, true
		c.MaxPositions = or(f.MaxPositions, 32768)
		defaultHeadDim = 128
	}
	c.HeadDim = or(f.HeadDim, defaultHeadDim)
	if err := errors.Join(f.unsupported(), c.check()); err != nil {
		return nil, err
	}
	if err := f.rope(c); err != nil {
		return nil, err
	}
	if c.EOS, err = tokenIDs("eos_token_id", f.EOS, c.VocabSize); err != nil {
		return nil, err
	}
	bos, err := tokenIDs("bos_token_id", f.BOS, c.VocabSize)
	if err != nil {
		return nil, err
	}
	if len(bos) > 0 {
		c.BOS = &bos[0]
	}
	return c, nil
}

func (f *file) architecture() (string, error) {
	byType := map[string]string{"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
	arch := byType[f.ModelType]
	if len(f.Architectures) > 0 {
		arch = f.Architectures[0]
	}
	switch arch {
	case "LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM":
		return arch, nil
	case "":
		arch = f.ModelType
	}
	return "", fmt.Errorf("architecture %q is not supported; supported are LlamaForCausalLM, Qwen2ForCausalLM and Qwen3ForCausalLM", arch)
}

// unsupported names every setting that would change the computation and that
// this program does not implement.
func (f *file) unsupported() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if f.HiddenAct != "" && f.HiddenAct != "silu" && f.HiddenAct != "swish" {
		refuse("hidden_act %q is not supported, only silu", f.HiddenAct)
	}
	if f.UseSlidingWindow && or(f.MaxWindowLayers, 28) < f.Layers {
		refuse("use_sliding_window: sliding-window attention is not supported")
	}
	for i, t := range f.LayerTypes {
		if t != "full_attention" {
			refuse("layer_types[%d] %q is not supported, only full_attention", i, t)
			break
		}
	}
	if len(f.Quantization) > 0 && string(f.Quantization) != "null" {
		refuse("quantization_config: quantized weights are not supported; use the F32, F16 or BF16 checkpoint")
	}
	if f.AttentionDropout != 0 {
		refuse("attention_dropout %v is not supported; set it to 0", f.AttentionDropout)
	}
	if p := or(f.PartialRotary, 1); p != 1 {
		refuse("partial_rotary_factor %v is not supported, only 1", p)
	}
	return errors.Join(errs...)
}

// check bounds the sizes, so that a hostile file cannot ask for absurd memory.
func (c *Config) check() error {
	var errs []error
	for _, s := range []struct {
		key   string
		value int
	}{
		{"hidden_size", c.HiddenSize}, {"intermediate_size", c.IntermediateSize}, {"num_hidden_layers", c.Layers},
		{"num_attention_heads", c.Heads}, {"num_key_value_heads", c.KVHeads}, {"head_dim", c.HeadDim},
		{"vocab_size", c.VocabSize}, {"max_position_embeddings", c.MaxPositions},
	} {
		if s.value < 1 || s.value > maxSize {
			errs = append(errs, fmt.Errorf("%s is %d, must be between 1 and %d", s.key, s.value, maxSize))
		}
	}
	if len(errs) == 0 && c.Layers > maxLayers {
		errs = append(errs, fmt.Errorf("num_hidden_layers is %d, must be at most %d", c.Layers, maxLayers))
	}
	if len(errs) == 0 && c.Heads%c.KVHeads != 0 {
		errs = append(errs, fmt.Errorf("num_attention_heads %d is not a multiple of num_key_value_heads %d", c.Heads, c.KVHeads))
	}
	if len(errs) == 0 && c.HeadDim%2 != 0 {
		errs = append(errs, fmt.Errorf("head_dim %d is odd; rotary embeddings need pairs", c.HeadDim))
	}
	if !(c.RMSNormEps > 0 && c.RMSNormEps < 1) {
		errs = append(errs, fmt.Errorf("rms_norm_eps %v must be between 0 and 1", c.RMSNormEps))
	}
	return errors.Join(errs...)
}

// tokenIDs reads a token id, a list of them, or null.
func tokenIDs(key string, raw json.RawMessage, vocab int) ([]int32, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var ids []int32
	if err := json.Unmarshal(raw, &ids); err != nil {
		var id int32
		if err := json.Unmarshal(raw, &id); err != nil {
			return nil, fmt.Errorf("%s must be a token id or a list of them, not %.40s", key, raw)
		}
		ids = []int32{id}
	}
	for _, id := range ids {
		if id < 0 || int(id) >= vocab {
			return nil, fmt.Errorf("%s %d is outside the vocabulary of %d", key, id, vocab)
		}
	}
	return ids, nil
}

func or[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}
