package model

import (
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/tensor"
)

// KVCache holds the keys and values of one sequence's tokens so far, so that
// generation computes each token once.
type KVCache struct {
	layers []layerCache
}

type layerCache struct {
	k, v tensor.Matrix // (capacity, G·K); the first `from` rows are in use
	from int
}

// reserve makes room for rows tokens, twice as much as before at least.
func (l *layerCache) reserve(rows int) {
	if rows <= l.k.Rows {
		return
	}
	for _, m := range []*tensor.Matrix{&l.k, &l.v} {
		grown := tensor.New(max(rows, 2*m.Rows), m.Cols)
		grown.RowRange(0, l.from).CopyFrom(m.RowRange(0, l.from))
		*m = grown
	}
}

// NewKVCache returns a cache with room for capacity tokens; it grows beyond.
func (m *Decoder) NewKVCache(capacity int) *KVCache {
	c := &KVCache{layers: make([]layerCache, len(m.Layers))}
	for i, b := range m.Layers {
		c.layers[i] = layerCache{k: tensor.New(capacity, b.kvCols), v: tensor.New(capacity, b.kvCols)}
	}
	return c
}

// attend adds the pass's keys and values to the cache and attends to all of
// them. The pass is one sequence.
func (l *layerCache) attend(b *Block, o tensor.Matrix, c *activations, r rows) {
	end := l.from + c.k.Rows
	l.reserve(end)
	later := func(place func(int) int) func(int) int {
		from := l.from
		return func(i int) int { return from + place(i) }
	}
	queries := later(r.out.PlacesOf(0))
	b.rope.Rotate(c.q, b.attention.Heads, queries, end)
	b.rope.Rotate(c.k, b.attention.KVHeads, later(r.in.PlacesOf(0)), end)
	l.k.RowRange(l.from, end).CopyFrom(c.k)
	l.v.RowRange(l.from, end).CopyFrom(c.v)
	b.attention.Forward(o, c.q, l.k.RowRange(0, end), l.v.RowRange(0, end), queries)
	l.from = end
}

// Extend computes the next tokens of a cached sequence and returns the logits
// (V) that follow the last one. They are valid until the model's next call.
func (m *Decoder) Extend(c *KVCache, tokens []int32) []float32 {
	b := &Batch{Pass: nn.Pass{Starts: []int{0, len(tokens)}}, Tokens: tokens, Rows: []int{len(tokens) - 1}}
	last := m.hidden(b, c)
	logits := m.arena.Alloc(1, m.Head.W.Rows)
	m.Head.Logits(logits, last)
	return logits.Row(0)
}
