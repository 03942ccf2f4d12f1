package infer

import (
	"context"
	"iter"
	"slices"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
)

// maxBatch is how many texts are written at a time: with as many rows products
// are bound by arithmetic rather than by memory.
const maxBatch = 12

// Generate continues prompts greedily, several at a time, each until Continue
// would end it, and hands the tokens to each in the prompts' order. What is
// written does not depend on the other prompts, nor on how many fit into half of
// the free memory at a time.
func (e *Engine) Generate(ctx context.Context, prompts iter.Seq[[]int32], maxNew int, stop func([]int32) bool, each func(ids []int32) error) error {
	more, finish := iter.Pull(prompts)
	defer finish()
	b := batch{e: e, caches: e.newCaches(), prefix: e.newPrefix()}
	defer b.prefix.release()
	prompt, ok := more()
	for ok || len(b.writers) > 0 {
		begun := len(b.writers)
		for ; ok && b.fits(prompt, maxNew); prompt, ok = more() {
			b.add(prompt, maxNew, stop)
		}
		if err := b.prefill(ctx, b.writers[begun:], prompt); err != nil {
			return err
		}
		if err := e.step(ctx, b.writers); err != nil {
			return err
		}
		if err := b.handOver(each); err != nil {
			return err
		}
	}
	return nil
}

// batch is the texts that Generate writes at a time.
type batch struct {
	e       *Engine
	caches  caches
	prefix  *prefix
	writers []*writer // under way
	queue   []*writer // in the prompts' order, with those ended but not handed over
}

// fits says whether there is room for one more text; there always is for one.
func (b *batch) fits(prompt []int32, maxNew int) bool {
	return len(b.writers) == 0 || len(b.writers) < maxBatch && b.caches.fit(1, room(prompt, maxNew))
}

// add begins a text.
func (b *batch) add(prompt []int32, maxNew int, stop func([]int32) bool) {
	b.caches.take(1, room(prompt, maxNew))
	w := newWriter(b.e.Model.NewKVCache(), prompt, maxNew, nn.ArgMax, stop)
	b.writers, b.queue = append(b.writers, w), append(b.queue, w)
}

// prefill computes the prompts of texts that begin, after what they and the next
// prompt, if there is one, begin with in common.
func (b *batch) prefill(ctx context.Context, begun []*writer, next []int32) error {
	if len(begun) == 0 {
		return nil
	}
	var contexts []Request
	for _, w := range begun {
		contexts = append(contexts, Request{w.prompt, len(w.prompt)})
	}
	if len(next) > 0 {
		contexts = append(contexts, Request{next, len(next)})
	}
	if len(contexts) > 1 {
		if err := b.prefix.grow(ctx, b.e.sharedContext(contexts)); err != nil {
			return err
		}
	}
	p := pass{e: b.e}
	for i, w := range begun {
		w.cache = b.prefix.fork(b.e.sharedContext(contexts[i : i+1]))
		if err := p.add(ctx, w); err != nil {
			return err
		}
	}
	return p.run(ctx)
}

// pass is parts of prompts that are computed together.
type pass struct {
	e       *Engine
	caches  []*model.KVCache
	parts   [][]int32
	lengths []int
	tokens  int // of all parts
}

// add takes in a prompt but for its last token, and computes what fills a pass.
func (p *pass) add(ctx context.Context, w *writer) error {
	for rest := w.prompt[w.cache.Len() : len(w.prompt)-1]; len(rest) > 0; {
		n := min(len(rest), passTokens-p.tokens)
		p.caches, p.parts, p.lengths = append(p.caches, w.cache), append(p.parts, rest[:n]), append(p.lengths, len(w.prompt))
		p.tokens += n
		rest = rest[n:]
		if p.tokens == passTokens {
			if err := p.run(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// run computes the parts.
func (p *pass) run(ctx context.Context) error {
	if err := ctx.Err(); err != nil || p.tokens == 0 {
		return err
	}
	p.e.Model.ExtendAll(p.caches, p.parts, p.lengths)
	*p = pass{e: p.e}
	return nil
}

// handOver takes out the texts that have ended and hands over those before which
// none is under way.
func (b *batch) handOver(each func(ids []int32) error) error {
	b.writers = slices.DeleteFunc(b.writers, func(w *writer) bool {
		if w.ended {
			b.caches.giveBack(1, room(w.prompt, w.maxNew), w.cache)
		}
		return w.ended
	})
	for len(b.queue) > 0 && b.queue[0].ended {
		if err := each(b.queue[0].out); err != nil {
			return err
		}
		b.queue = b.queue[1:]
	}
	return nil
}
