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
	text int // tokens of the text that Extend was last given a part of
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
		c.layers[i] = layerCache{k: tensor.New(0, b.kvCols), v: tensor.New(0, b.kvCols)}
	}
	c.Reset(capacity)
	return c
}

// Reset empties the cache for a sequence of capacity tokens.
func (c *KVCache) Reset(capacity int) {
	for i := range c.layers {
		l := &c.layers[i]
		l.from, l.text = 0, 0
		if capacity > l.k.Rows {
			l.k, l.v = tensor.New(capacity, l.k.Cols), tensor.New(capacity, l.v.Cols)
		}
	}
}

// Capacity is for how many tokens there is room.
func (c *KVCache) Capacity() int { return c.layers[0].k.Rows }

// CacheBytes is the memory of a KVCache with room for so many tokens.
func (c *Config) CacheBytes(tokens int) uint64 {
	return 8 * uint64(tokens) * uint64(c.Layers*c.KVHeads*c.HeadDim)
}

// attend adds the keys and values of a pass to the caches, one for each of its
// sequences, and attends to all that is in them.
func (b *Block) attend(kv []*layerCache, o tensor.Matrix, c *activations, r rows) {
	keys, values := make([]tensor.Matrix, len(kv)), make([]tensor.Matrix, len(kv))
	for e, l := range kv {
		q, k := r.out.Sequence(c.q, e), r.in.Sequence(c.k, e)
		from, end := l.from, l.from+k.Rows
		later := func(place func(int) int) func(int) int {
			return func(i int) int { return from + place(i) }
		}
		queries, length := later(r.out.PlacesOf(e)), max(end, l.text)
		b.rope.Rotate(q, b.attention.Heads, queries, length)
		b.rope.Rotate(k, b.attention.KVHeads, later(r.in.PlacesOf(e)), length)
		l.reserve(end)
		l.k.RowRange(from, end).CopyFrom(k)
		l.v.RowRange(from, end).CopyFrom(r.in.Sequence(c.v, e))
		l.from = end
		keys[e], values[e] = l.k.RowRange(0, end), l.v.RowRange(0, end)
		if !r.in.Decode {
			b.attention.Forward(r.out.Sequence(o, e), q, keys[e], values[e], queries)
		}
	}
	if r.in.Decode {
		b.attention.Decode(o, c.q, keys, values)
	}
}

// Extend computes the next tokens of a cached sequence, which are part of a text
// of length tokens, with the products of training. What it leaves in the cache
// does not depend on how the text is cut into parts.
func (m *Decoder) Extend(c *KVCache, tokens []int32, length int) {
	for i := range c.layers {
		c.layers[i].text = length
	}
	b := &Batch{Pass: nn.Pass{Starts: []int{0, len(tokens)}}, Tokens: tokens}
	m.hidden(b, []*KVCache{c})
}

// Next computes one more token of each of some cached sequences and returns the
// logits (N, V) that follow them. A row of these does not depend on the others.
// They are valid until the model's next call.
func (m *Decoder) Next(caches []*KVCache, tokens []int32) tensor.Matrix {
	b := &Batch{Pass: nn.Pass{Decode: true, Starts: []int{0}}, Tokens: tokens}
	for e := range tokens {
		b.Rows = append(b.Rows, e)
		b.Starts = append(b.Starts, e+1)
	}
	x := m.hidden(b, caches)
	logits := m.arena.Alloc(x.Rows, m.Head.W.Rows)
	m.Head.Next(logits, x)
	return logits
}
