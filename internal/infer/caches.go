package infer

import (
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/sysinfo"
)

// caches are the key-value caches of the texts written at a time, those of ended
// texts used again, in half of the memory that was free.
type caches struct {
	model *model.Decoder
	idle  []*model.KVCache
	free  uint64 // bytes for all of them; 0: not known
	used  uint64 // by all of them, the idle ones too
}

func (e *Engine) newCaches() caches {
	return caches{model: e.Model, free: sysinfo.AvailableMemory() / 2}
}

// fit says whether there is room for n more texts of so many tokens each.
func (c *caches) fit(n, tokens int) bool {
	return c.free == 0 || c.used+c.growth(n, tokens) <= c.free
}

// growth is by how much the caches grow with n texts of so many tokens each.
func (c *caches) growth(n, tokens int) uint64 {
	bytes := uint64(0)
	for i := range n {
		have := 0
		if at := len(c.idle) - 1 - i; at >= 0 {
			have = c.idle[at].Capacity()
		}
		bytes += c.model.Config.CacheBytes(max(0, tokens-have))
	}
	return bytes
}

// take returns an empty cache with room for so many tokens.
func (c *caches) take(tokens int) *model.KVCache {
	c.used += c.growth(1, tokens)
	if n := len(c.idle); n > 0 {
		cache := c.idle[n-1]
		c.idle = c.idle[:n-1]
		cache.Reset(tokens)
		return cache
	}
	return c.model.NewKVCache(tokens)
}

// giveBack takes a cache whose text has ended.
func (c *caches) giveBack(cache *model.KVCache) { c.idle = append(c.idle, cache) }
