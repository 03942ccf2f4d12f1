package preset

import (
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/model"
)

// Names lists the presets.
func Names() []string { return []string{"qwen2-0.5b", "qwen2-1.5b", "llama3.2-1b", "llama3.2-3b"} }

// Config returns a preset as its published config.json has it; false: there is
// none of that name.
func Config(name string) (*model.Config, bool) {
	switch name {
	case "qwen2-0.5b":
		return qwen2(896, 4864, 24, 14, 64), true
	case "qwen2-1.5b":
		return qwen2(1536, 8960, 28, 12, 128), true
	case "llama3.2-1b":
		return llama32(2048, 16, 32, 64), true
	case "llama3.2-3b":
		return llama32(3072, 28, 24, 128), true
	}
	return nil, false
}

func qwen2(width, mlp, layers, heads, headDim int) *model.Config {
	return &model.Config{
		Architecture: "Qwen2ForCausalLM", HiddenSize: width, IntermediateSize: mlp, Layers: layers,
		Heads: heads, KVHeads: 2, HeadDim: headDim, VocabSize: 151936, MaxPositions: 131072,
		RMSNormEps: 1e-6, TieEmbeddings: true, DType: dtype.BF16, QKVBias: true,
		RopeTheta: 1e6, RopeScale: model.RopeScaling{Kind: "default"},
	}
}

func llama32(width, layers, heads, headDim int) *model.Config {
	original := 8192
	return &model.Config{
		Architecture: "LlamaForCausalLM", HiddenSize: width, IntermediateSize: 8192, Layers: layers,
		Heads: heads, KVHeads: 8, HeadDim: headDim, VocabSize: 128256, MaxPositions: 131072,
		RMSNormEps: 1e-5, TieEmbeddings: true, DType: dtype.BF16, RopeTheta: 5e5,
		RopeScale: model.RopeScaling{Kind: "llama3", Factor: 32, LowFreqFactor: 1, HighFreqFactor: 4, OriginalMax: &original},
	}
}
