package model

// NumParameters counts the elements of the checkpoint's tensors; a tied head
// counts once.
func (c *Config) NumParameters() int64 {
	d, q, kv, f := int64(c.HiddenSize), int64(c.Heads*c.HeadDim), int64(c.KVHeads*c.HeadDim), int64(c.IntermediateSize)
	block := 2*d*q + 2*d*kv + 3*d*f + 2*d // q and o, k and v, the MLP, two norms
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

// ActivationBytes estimates the arena of a training pass over so many tokens:
// what a block keeps for every block or, with recomputation, for one, the
// residual stream between blocks, scratch, and a chunk of logits.
func (c *Config) ActivationBytes(tokens uint64, recompute, dropout bool) uint64 {
	d, q, kv, f := uint64(c.HiddenSize), uint64(c.Heads*c.HeadDim), uint64(c.KVHeads*c.HeadDim), uint64(c.IntermediateSize)
	block := d + 2*q + 2*kv + 2*f
	if c.QKNorm {
		block += q + kv
	}
	blocks := uint64(c.Layers)
	if recompute {
		blocks = 1
	}
	scratch := 2*f + 4*d + 3*q
	if dropout {
		scratch += 2 * f
	}
	logits := uint64(16<<20) + 5*tokens*d
	return 4 * (tokens*(blocks*block+uint64(c.Layers+3)*d+scratch) + logits)
}
