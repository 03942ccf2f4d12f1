package infer

import (
	"context"
	"slices"

	"github.com/stablelora/stablelora/internal/model"
)

// minPrefix is how many tokens are worth a pass of their own: fewer take about as
// long.
const minPrefix = 64

// prefix holds tokens that many sequences begin with, as the examples of a few-shot
// prompt, and their keys and values.
type prefix struct {
	e      *Engine
	tokens []int32
	cache  *model.KVCache
}

func (e *Engine) newPrefix() *prefix { return &prefix{e: e, cache: e.Model.NewKVCache()} }

// grow makes the prefix that of tokens, if it has much less of them.
func (p *prefix) grow(ctx context.Context, tokens []int32) error {
	n := common(p.tokens, tokens)
	if len(tokens)-n < minPrefix {
		return nil
	}
	cache := p.cache.Fork(n)
	p.release()
	p.cache, p.tokens = cache, slices.Clone(tokens)
	return p.e.extend(ctx, cache, tokens[n:], len(tokens))
}

// fork returns a cache of what tokens begin with, empty where the prefix has
// little of it.
func (p *prefix) fork(tokens []int32) *model.KVCache {
	n := common(p.tokens, tokens)
	if n < minPrefix {
		n = 0
	}
	return p.cache.Fork(n)
}

func (p *prefix) release() { p.cache.Release() }

// common is how many tokens a and b begin with in common.
func common(a, b []int32) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
