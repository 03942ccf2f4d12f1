package tokenizer

import (
	"strings"
	"sync"
)

// The cache is bounded by its entries: at most about 40 MB, 8 MB in practice.
const (
	maxCachedWord  = 64 // bytes
	maxCachedWords = 1 << 16
)

// wordCache remembers the symbols of words; it is emptied when full.
type wordCache struct {
	mu    sync.RWMutex
	words map[string][]symbol
}

func (c *wordCache) get(word string) ([]symbol, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	symbols, ok := c.words[word]
	return symbols, ok
}

func (c *wordCache) put(word string, symbols []symbol) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.words == nil || len(c.words) >= maxCachedWords {
		c.words = make(map[string][]symbol)
	}
	c.words[strings.Clone(word)] = symbols
}
