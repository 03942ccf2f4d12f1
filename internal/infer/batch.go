package infer

import (
	"context"
	"iter"
	"slices"

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
	b := batch{e: e, caches: e.newCaches()}
	prompt, ok := more()
	for ok || len(b.writers) > 0 {
		for ; ok && b.fits(prompt, maxNew); prompt, ok = more() {
			if err := b.add(ctx, prompt, maxNew, stop); err != nil {
				return err
			}
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
	writers []*writer // under way
	queue   []*writer // in the prompts' order, with those ended but not handed over
}

// fits says whether there is room for one more text; there always is for one.
func (b *batch) fits(prompt []int32, maxNew int) bool {
	return len(b.writers) == 0 || len(b.writers) < maxBatch && b.caches.fit(1, room(prompt, maxNew))
}

// add begins a text.
func (b *batch) add(ctx context.Context, prompt []int32, maxNew int, stop func([]int32) bool) error {
	w, err := b.e.start(ctx, b.caches.take(1, room(prompt, maxNew)), prompt, maxNew, nn.ArgMax, stop)
	b.writers, b.queue = append(b.writers, w), append(b.queue, w)
	return err
}

// handOver takes out the texts that have ended and hands over those before which
// none is under way.
func (b *batch) handOver(each func(ids []int32) error) error {
	b.writers = slices.DeleteFunc(b.writers, func(w *writer) bool {
		if w.ended {
			b.caches.giveBack(1, w.room, w.cache)
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
