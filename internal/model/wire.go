package model

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/tensor"
)

// supply gives a model's weights by their names in the checkpoint.
type supply interface {
	embeddings(c *Config) (embed, head *tensor.Weight)
	matrix(name string, rows, cols int) *tensor.Weight
	vector(name string, n int) []float32
	hopeless() bool // give up
}

// wire makes the decoder of a configuration.
func wire(c *Config, s supply) *Decoder {
	m := &Decoder{Config: c}
	rope := newRoPE(c)
	attention := &nn.Attention{Heads: c.Heads, KVHeads: c.KVHeads, Width: c.HeadDim}
	m.Embed, m.Head.W = s.embeddings(c)
	for i := range c.Layers {
		b := wireBlock(c, s, fmt.Sprintf("model.layers.%d", i))
		b.attention, b.rope = attention, rope
		m.Layers = append(m.Layers, b)
		if s.hopeless() {
			break
		}
	}
	m.Norm = wireNorm(c, s, "model.norm.weight", c.HiddenSize)
	return m
}

func wireBlock(c *Config, s supply, prefix string) *Block {
	b := &Block{width: c.HiddenSize, qCols: c.Heads * c.HeadDim, kvCols: c.KVHeads * c.HeadDim, mlpIn: c.IntermediateSize}
	linear := func(name string, out, in int, bias bool) *nn.Linear {
		name = prefix + "." + name
		lin := &nn.Linear{Name: name, W: s.matrix(name+".weight", out, in)}
		if bias {
			lin.Bias = s.vector(name+".bias", out)
		}
		return lin
	}
	b.InputLayerNorm = wireNorm(c, s, prefix+".input_layernorm.weight", b.width)
	b.QProj = linear("self_attn.q_proj", b.qCols, b.width, c.QKVBias)
	b.KProj = linear("self_attn.k_proj", b.kvCols, b.width, c.QKVBias)
	b.VProj = linear("self_attn.v_proj", b.kvCols, b.width, c.QKVBias)
	b.OProj = linear("self_attn.o_proj", b.width, b.qCols, c.OBias)
	if c.QKNorm {
		b.QNorm = wireNorm(c, s, prefix+".self_attn.q_norm.weight", c.HeadDim)
		b.KNorm = wireNorm(c, s, prefix+".self_attn.k_norm.weight", c.HeadDim)
	}
	b.PostAttentionLayerNorm = wireNorm(c, s, prefix+".post_attention_layernorm.weight", b.width)
	b.GateProj = linear("mlp.gate_proj", b.mlpIn, b.width, c.MLPBias)
	b.UpProj = linear("mlp.up_proj", b.mlpIn, b.width, c.MLPBias)
	b.DownProj = linear("mlp.down_proj", b.width, b.mlpIn, c.MLPBias)
	return b
}

func wireNorm(c *Config, s supply, name string, width int) *nn.RMSNorm {
	return &nn.RMSNorm{W: s.vector(name, width), Eps: c.RMSNormEps}
}
