package model

import "fmt"

// LinearShape is a linear layer of a block: its weight is (Out, In).
type LinearShape struct {
	Name    string // "model.layers.0.self_attn.q_proj"
	In, Out int
}

// BlockLinears is the number of linear layers of a block, and Q to Down are
// their places in the checkpoint's order.
const (
	Q = iota
	K
	V
	O
	Gate
	Up
	Down
	BlockLinears
)

// BlockShapes lists the linear layers of block i.
func (c *Config) BlockShapes(i int) [BlockLinears]LinearShape {
	d, q, kv, f := c.HiddenSize, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim, c.IntermediateSize
	attention, mlp := fmt.Sprintf("model.layers.%d.self_attn.", i), fmt.Sprintf("model.layers.%d.mlp.", i)
	return [BlockLinears]LinearShape{
		Q: {attention + "q_proj", d, q}, K: {attention + "k_proj", d, kv}, V: {attention + "v_proj", d, kv}, O: {attention + "o_proj", q, d},
		Gate: {mlp + "gate_proj", d, f}, Up: {mlp + "up_proj", d, f}, Down: {mlp + "down_proj", f, d},
	}
}

// NumParameters counts the elements of the checkpoint's tensors; a tied head
// counts once.
func (c *Config) NumParameters() int64 {
	d, q, kv, f := int64(c.HiddenSize), int64(c.Heads*c.HeadDim), int64(c.KVHeads*c.HeadDim), int64(c.IntermediateSize)
	block := 2 * d // two norms
	for _, l := range c.BlockShapes(0) {
		block += int64(l.In) * int64(l.Out)
	}
	if c.QKVBias {
		block += q + 2*kv
	}
	if c.OBias {
		block += d
	}
	if c.MLPBias {
		block += 2*f + d
	}
	if c.QKNorm {
		block += 2 * int64(c.HeadDim)
	}
	embeddings := int64(c.VocabSize) * d
	if !c.TieEmbeddings {
		embeddings *= 2
	}
	return embeddings + int64(c.Layers)*block + d
}
