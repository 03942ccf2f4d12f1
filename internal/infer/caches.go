package infer

import (
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/sysinfo"
)

// caches counts the memory of the key-value caches of the texts written at a time,
// which take half of what was free at most.
type caches struct {
	model *model.Decoder
	free  uint64 // bytes for all of them; 0: not known
	used  uint64 // bytes set aside
}

func (e *Engine) newCaches() caches {
	return caches{model: e.Model, free: sysinfo.AvailableMemory() / 2}
}

// fit says whether there is room for n more texts of so many tokens each.
func (c *caches) fit(n, tokens int) bool {
	return c.free == 0 || c.used+c.bytes(n, tokens) <= c.free
}

func (c *caches) bytes(n, tokens int) uint64 {
	return uint64(n) * c.model.Config.CacheBytes(tokens)
}

// take sets memory aside for the caches of n texts of so many tokens each.
func (c *caches) take(n, tokens int) { c.used += c.bytes(n, tokens) }

// giveBack takes the caches of what has ended, with what take was told.
func (c *caches) giveBack(n, tokens int, ended ...*model.KVCache) {
	c.used -= c.bytes(n, tokens)
	for _, cache := range ended {
		cache.Release()
	}
}
