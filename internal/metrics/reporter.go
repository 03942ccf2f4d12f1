package metrics

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Reporter shows how a run goes. Its methods may be called from several
// goroutines.
type Reporter interface {
	// Start announces total steps, of which done were done by an earlier run.
	Start(total, done int)
	// Step shows a finished step.
	Step(StepRow)
	// Progress shows that done of total items of what, an evaluation for
	// example, are done. It needs no Start.
	Progress(what string, done, total int)
	// Message and Warn show a line of their own; quiet silences only messages.
	Message(text string)
	Warn(text string)
	// Finish ends what Start began, after the last step or before it.
	Finish()
}

// IsTerminal says whether f is a terminal that can redraw a line.
func IsTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// NewReporter returns a bar if w is a terminal (see IsTerminal), else plain
// lines, one for every that many steps; with quiet nothing but warnings.
func NewReporter(w io.Writer, isTTY, quiet bool, every int) Reporter {
	if isTTY && !quiet {
		return &bar{w: w}
	}
	return &lines{w: w, quiet: quiet, every: max(1, every)}
}

// lines prints plain lines.
type lines struct {
	mu       sync.Mutex
	w        io.Writer
	quiet    bool
	every    int
	pace     pace
	what     string    // that Progress counts
	lastLine time.Time // of Progress
}

func (l *lines) Start(total, done int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pace = pace{total, done, time.Now()}
}

// Step prints the first step too, so that something is seen of a slow run.
func (l *lines) Step(row StepRow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if row.Step%l.every == 0 || row.Step == l.pace.total || row.Step == l.pace.done+1 {
		l.print(l.pace.line(row, time.Now()))
	}
}

// progressEvery is how often Progress prints a line.
const progressEvery = 15 * time.Second

func (l *lines) Progress(what string, done, total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if what != l.what || done <= 1 {
		l.what, l.lastLine = what, now
	}
	if done == total || now.Sub(l.lastLine) >= progressEvery {
		l.lastLine = now
		l.print(fmt.Sprintf("%s: %d of %d", what, done, total))
	}
}

func (l *lines) Message(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(text)
}

func (l *lines) Warn(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.w, "warning: "+text)
}

func (l *lines) Finish() {}

func (l *lines) print(text string) {
	if !l.quiet {
		fmt.Fprintln(l.w, text)
	}
}

// pace is how far a run is and how long it has taken.
type pace struct {
	total, done int // done by an earlier run
	start       time.Time
}

func (p pace) line(row StepRow, now time.Time) string {
	return fmt.Sprintf("step %d/%d  loss %.4f  lr %.3g  %s tokens/s  eta %s",
		row.Step, p.total, row.Loss, row.LearningRate, rate(row.TokensPerSecond), p.eta(row.Step, now))
}

// eta is the time left at this run's mean pace so far.
func (p pace) eta(step int, now time.Time) time.Duration {
	perStep := float64(now.Sub(p.start)) / float64(max(1, step-p.done))
	return time.Duration(perStep * float64(max(0, p.total-step))).Round(time.Second)
}

func rate(x float64) string {
	if x < 100 {
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}
