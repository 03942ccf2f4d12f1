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
	kv   nn.KeyValues // of each head (capacity, K); the first `from` rows are in use
	from int
	text int // tokens of the text that Extend was last given a part of
}

// reserve makes room for rows tokens.
func (l *layerCache) reserve(rows int) {
	for _, heads := range [][]tensor.Matrix{l.kv.K, l.kv.V} {
		for g, m := range heads {
			if m.Rows < rows {
				heads[g] = tensor.New(rows, m.Cols)
				heads[g].RowRange(0, l.from).CopyFrom(m.RowRange(0, l.from))
			}
		}
	}
}

// add appends the keys and values k and v (T, G·K) of T tokens and returns all of
// them.
func (l *layerCache) add(k, v tensor.Matrix) nn.KeyValues {
	end := l.from + k.Rows
	if have := l.kv.K[0].Rows; end > have {
		l.reserve(max(end, 2*have))
	}
	var all nn.KeyValues
	for g := range l.kv.K {
		width := l.kv.K[g].Cols
		l.kv.K[g].RowRange(l.from, end).CopyFrom(k.ColRange(g*width, (g+1)*width))
		l.kv.V[g].RowRange(l.from, end).CopyFrom(v.ColRange(g*width, (g+1)*width))
		all.K, all.V = append(all.K, l.kv.K[g].RowRange(0, end)), append(all.V, l.kv.V[g].RowRange(0, end))
	}
	l.from = end
	return all
}

// NewKVCache returns a cache with room for capacity tokens; it grows beyond.
func (m *Decoder) NewKVCache(capacity int) *KVCache {
	c := &KVCache{layers: make([]layerCache, len(m.Layers))}
	for i, b := range m.Layers {
		for range b.attention.KVHeads {
			none := tensor.New(0, b.attention.Width)
			c.layers[i].kv.K, c.layers[i].kv.V = append(c.layers[i].kv.K, none), append(c.layers[i].kv.V, none)
		}
	}
	c.Reset(capacity)
	return c
}

// Reset empties the cache for a sequence of capacity tokens.
func (c *KVCache) Reset(capacity int) {
	for i := range c.layers {
		l := &c.layers[i]
		l.from, l.text = 0, 0
		l.reserve(capacity)
	}
}

// CopyFrom makes the cache one of src's sequence; the first same tokens are known
// to be so already.
func (c *KVCache) CopyFrom(src *KVCache, same int) {
	for i := range c.layers {
		l, s := &c.layers[i], &src.layers[i]
		l.reserve(s.from)
		l.from, l.text = s.from, s.text
		for g := range s.kv.K {
			l.kv.K[g].RowRange(same, s.from).CopyFrom(s.kv.K[g].RowRange(same, s.from))
			l.kv.V[g].RowRange(same, s.from).CopyFrom(s.kv.V[g].RowRange(same, s.from))
		}
	}
}

// Capacity is for how many tokens there is room.
func (c *KVCache) Capacity() int { return c.layers[0].kv.K[0].Rows }

// CacheBytes is the memory of a KVCache with room for so many tokens.
func (c *Config) CacheBytes(tokens int) uint64 {
	return 8 * uint64(tokens) * uint64(c.Layers*c.KVHeads*c.HeadDim)
}

// attend adds the keys and values of a pass to the caches, one for each of its
// sequences, and attends to all that is in them.
func (b *Block) attend(kv []*layerCache, o tensor.Matrix, c *activations, r rows) {
	all := make([]nn.KeyValues, len(kv))
	for e, l := range kv {
		q, k, v := r.out.Sequence(c.q, e), r.in.Sequence(c.k, e), r.in.Sequence(c.v, e)
		from, length := l.from, max(l.from+k.Rows, l.text)
		later := func(place func(int) int) func(int) int {
			return func(i int) int { return from + place(i) }
		}
		queries := later(r.out.PlacesOf(e))
		b.rope.Rotate(q, b.attention.Heads, queries, length)
		b.rope.Rotate(k, b.attention.KVHeads, later(r.in.PlacesOf(e)), length)
		all[e] = l.add(k, v)
		if !r.in.Decode {
			b.attention.Forward(r.out.Sequence(o, e), q, all[e], queries)
		}
	}
	if r.in.Decode {
		b.attention.Decode(o, c.q, all)
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
