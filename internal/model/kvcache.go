package model

import (
	"slices"

	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/tensor"
)

// KVCache holds the keys and values of one sequence's tokens so far, so that each
// token is computed once. It grows by pages, which caches share (see Fork).
type KVCache struct {
	m     *Decoder
	pages []*page
	n     int // tokens
	text  int // tokens of the text that Extend was last given a part of
}

// pageRows is how many tokens a page holds.
const pageRows = 128

// page is the keys and values of pageRows tokens.
type page struct {
	layers []nn.KeyValues // of each head (pageRows, K)
	users  int            // caches that hold it; only a sole one writes to it
}

// NewKVCache returns an empty cache.
func (m *Decoder) NewKVCache() *KVCache { return &KVCache{m: m} }

// Len is the number of tokens.
func (c *KVCache) Len() int { return c.n }

// Fork returns a cache of the first n tokens. The two share whole pages, whose
// memory is held once; what n leaves of one is copied. Each goes on by itself.
func (c *KVCache) Fork(n int) *KVCache {
	f := &KVCache{m: c.m, n: n, text: c.text, pages: slices.Clone(c.pages[:n/pageRows])}
	for _, p := range f.pages {
		p.users++
	}
	if rest := n % pageRows; rest > 0 {
		p := c.m.newPage()
		for i, from := range c.pages[n/pageRows].layers {
			for g := range from.K {
				p.layers[i].K[g].RowRange(0, rest).CopyFrom(from.K[g].RowRange(0, rest))
				p.layers[i].V[g].RowRange(0, rest).CopyFrom(from.V[g].RowRange(0, rest))
			}
		}
		f.pages = append(f.pages, p)
	}
	return f
}

// Release empties the cache; pages that no other cache holds are used again.
func (c *KVCache) Release() {
	for _, p := range c.pages {
		if p.users--; p.users == 0 {
			c.m.pages.Put(p)
		}
	}
	c.pages, c.n, c.text = nil, 0, 0
}

// newPage returns a page with arbitrary content.
func (m *Decoder) newPage() *page {
	if p, ok := m.pages.Get().(*page); ok {
		p.users = 1
		return p
	}
	p := &page{layers: make([]nn.KeyValues, len(m.Layers)), users: 1}
	width := m.Config.HeadDim
	floats := make([]float32, 2*len(m.Layers)*m.Config.KVHeads*pageRows*width)
	next := func() tensor.Matrix {
		part := tensor.FromSlice(pageRows, width, floats[:pageRows*width])
		floats = floats[pageRows*width:]
		return part
	}
	for i := range p.layers {
		for range m.Config.KVHeads {
			p.layers[i].K, p.layers[i].V = append(p.layers[i].K, next()), append(p.layers[i].V, next())
		}
	}
	return p
}

// CacheBytes is the memory of a KVCache of so many tokens.
func (c *Config) CacheBytes(tokens int) uint64 {
	pages := (tokens + pageRows - 1) / pageRows
	return 8 * uint64(pages*pageRows) * uint64(c.Layers*c.KVHeads*c.HeadDim)
}

// SharesPrefix says whether a sequence of length tokens may share keys and values
// of its first tokens with others of which this holds: dynamic scaling rotates those
// of a long sequence by its length.
func (c *Config) SharesPrefix(length int) bool {
	return c.RopeScale.Kind != "dynamic" || length <= c.MaxPositions
}

// add writes the keys and values kv of a layer for the next tokens. The cache holds
// them once advance has been called.
func (c *KVCache) add(layer int, kv nn.KeyValues) {
	end := c.n + kv.K[0].Rows
	for len(c.pages)*pageRows < end {
		c.pages = append(c.pages, c.m.newPage())
	}
	for at := c.n; at < end; {
		p, lo := c.pages[at/pageRows].layers[layer], at%pageRows
		rows := min(pageRows-lo, end-at)
		for g := range kv.K {
			p.K[g].RowRange(lo, lo+rows).CopyFrom(kv.K[g].RowRange(at-c.n, at-c.n+rows))
			p.V[g].RowRange(lo, lo+rows).CopyFrom(kv.V[g].RowRange(at-c.n, at-c.n+rows))
		}
		at += rows
	}
}

// seen returns a layer's keys and values of the first n tokens.
func (c *KVCache) seen(layer, n int) []nn.KeyValues {
	var parts []nn.KeyValues
	for i, p := range c.pages[:(n+pageRows-1)/pageRows] {
		part := p.layers[layer]
		if rows := n - i*pageRows; rows < pageRows {
			part = nn.KeyValues{K: slices.Clone(part.K), V: slices.Clone(part.V)}
			for g := range part.K {
				part.K[g], part.V[g] = part.K[g].RowRange(0, rows), part.V[g].RowRange(0, rows)
			}
		}
		parts = append(parts, part)
	}
	return parts
}

// attend is the attention of sequences that see more than their own rows: what is
// in their cache, to which they are added, or in the batch's prefix and their
// parents.
func (b *Block) attend(o tensor.Matrix, c *activations, r rows) {
	seen := make([][]nn.KeyValues, r.in.Sequences())
	for e := range seen {
		q, k, v := r.out.Sequence(c.q, e), r.in.Sequence(c.k, e), r.in.Sequence(c.v, e)
		place := r.in.PlacesOf(e)
		length := place(k.Rows-1) + 1
		if r.batch.caches != nil {
			length = max(length, r.batch.caches[e].text)
		}
		b.rope.Rotate(q, b.attention.Heads, r.out.PlacesOf(e), length)
		b.rope.Rotate(k, b.attention.KVHeads, place, length)
		seen[e] = r.batch.seen(e, r.layer, b.attention.Split(k, v), seen)
	}
	if r.in.Decode {
		b.attention.Decode(o, c.q, seen)
	} else {
		b.attention.Forward(o, c.q, seen, r.out)
	}
}

// seen returns what sequence e sees in a layer, given its own rows and what the
// earlier sequences see.
func (b *Batch) seen(e, layer int, own nn.KeyValues, earlier [][]nn.KeyValues) []nn.KeyValues {
	switch {
	case b.caches != nil:
		b.caches[e].add(layer, own)
		return b.caches[e].seen(layer, b.caches[e].n+own.K[0].Rows)
	case b.parents[e] >= 0:
		return append(slices.Clip(earlier[b.parents[e]]), own)
	case b.Prefix != nil:
		return append(b.Prefix.seen(layer, b.Prefix.n), own)
	}
	return []nn.KeyValues{own}
}

// Extend computes the next tokens of a cached sequence, which are part of a text
// of length tokens, with the products of training. What it leaves in the cache
// does not depend on how the text is cut into parts.
func (m *Decoder) Extend(c *KVCache, tokens []int32, length int) {
	m.ExtendAll([]*KVCache{c}, [][]int32{tokens}, []int{length})
}

// ExtendAll is Extend of several sequences in one pass.
func (m *Decoder) ExtendAll(caches []*KVCache, tokens [][]int32, lengths []int) {
	b := NewBatch()
	for e, c := range caches {
		c.text = lengths[e]
		b.continues(c, tokens[e])
	}
	m.hidden(b)
	b.advance()
}

// Next computes one more token of each of some cached sequences and returns the
// logits (N, V) that follow them. A row of these does not depend on the others.
// They are valid until the model's next call.
func (m *Decoder) Next(caches []*KVCache, tokens []int32) tensor.Matrix {
	b := NewBatch()
	b.Decode = true
	for e, c := range caches {
		b.continues(c, tokens[e:e+1])
		b.Rows = append(b.Rows, e)
	}
	x := m.hidden(b)
	b.advance()
	logits := m.arena.Alloc(x.Rows, m.Head.W.Rows)
	m.Head.Next(logits, x)
	return logits
}

// continues adds a sequence that goes on from a cache.
func (b *Batch) continues(c *KVCache, tokens []int32) {
	b.caches = append(b.caches, c)
	b.goesOn(c.n, tokens)
}

// advance counts a batch's tokens in its caches.
func (b *Batch) advance() {
	for e, c := range b.caches {
		c.n += b.Starts[e+1] - b.Starts[e]
	}
}
