package metrics

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// redrawEvery limits how often a bar is drawn: describing a bar draws it, past
// the library's own throttle.
const redrawEvery = 100 * time.Millisecond

// bar shows a bar for the steps and, while something else is counted, one for
// that in its place.
type bar struct {
	mu    sync.Mutex
	w     io.Writer
	pace  pace
	steps *progressbar.ProgressBar // nil before Start and after Finish
	items *progressbar.ProgressBar // nil outside Progress
	what  string                   // that items counts
	drawn time.Time
}

func newBar(w io.Writer, total int, options ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions(total, append([]progressbar.Option{
		progressbar.OptionSetWriter(w),
		progressbar.OptionUseANSICodes(true), // erase the line instead of overwriting it with spaces
		progressbar.OptionFullWidth(),
		progressbar.OptionSetPredictTime(false), // ours knows what an earlier run did
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionShowDescriptionAtLineEnd(),
	}, options...)...)
}

func (b *bar) Start(total, done int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace = pace{total, done, time.Now()}
	if total < 1 {
		return // the library takes 0 for an error and a negative length for a spinner
	}
	b.steps = newBar(b.w, total)
	b.draw(b.steps, done, fmt.Sprintf("step %d/%d", done, total))
}

func (b *bar) Step(row StepRow) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endItems()
	now := time.Now()
	if b.steps == nil || now.Sub(b.drawn) < redrawEvery && row.Step < b.pace.total {
		return
	}
	b.draw(b.steps, row.Step, b.pace.line(row, now))
}

func (b *bar) Progress(what string, done, total int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if total < 1 {
		return
	}
	if b.items == nil || b.what != what {
		b.endItems()
		b.makeRoom()
		b.items, b.what, b.drawn = newBar(b.w, total), what, time.Time{}
	}
	if done >= total {
		b.endItems()
	} else if time.Since(b.drawn) >= redrawEvery {
		b.draw(b.items, done, fmt.Sprintf("%s: %d of %d", what, done, total))
	}
}

func (b *bar) Message(text string) { b.interrupt(text) }

func (b *bar) Warn(text string) { b.interrupt("warning: " + text) }

// interrupt prints a line above the bar.
func (b *bar) interrupt(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.makeRoom()
	fmt.Fprintln(b.w, text)
	if b.items != nil {
		b.items.RenderBlank()
	} else if b.steps != nil {
		b.steps.RenderBlank()
	}
}

// makeRoom erases the bar on the line, or leaves a full one standing for good.
func (b *bar) makeRoom() {
	switch {
	case b.items != nil:
		b.items.Clear()
	case b.steps != nil && b.steps.IsFinished():
		b.leaveSteps()
	case b.steps != nil:
		b.steps.Clear()
	}
}

func (b *bar) leaveSteps() {
	fmt.Fprintln(b.w)
	b.steps = nil
}

// Finish leaves the bar where it is and goes to the next line.
func (b *bar) Finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endItems()
	if b.steps != nil {
		b.leaveSteps()
	}
}

// draw describes first: a bar that has become full is not drawn again. Errors
// of the terminal are not worth stopping a run for.
func (b *bar) draw(p *progressbar.ProgressBar, done int, text string) {
	p.Describe(text)
	p.Set(done)
	b.drawn = time.Now()
}

// endItems erases the bar of Progress; the steps' comes back with the next one.
func (b *bar) endItems() {
	if b.items != nil {
		b.items.Clear()
		b.items, b.drawn = nil, time.Time{}
	}
}
