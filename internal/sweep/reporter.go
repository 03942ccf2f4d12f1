package sweep

import "github.com/stablelora/stablelora/internal/metrics"

// once shows what runs say of their inputs, before they start, a single time
// where it is the same.
type once struct {
	metrics.Reporter
	said    map[string]bool
	started bool
}

func (o *once) Start(total, done int) {
	o.started = true
	o.Reporter.Start(total, done)
}
func (o *once) Message(text string) { o.first(text, o.Reporter.Message) }
func (o *once) Warn(text string)    { o.first(text, o.Reporter.Warn) }

func (o *once) first(text string, show func(string)) {
	if o.started || !o.said[text] {
		o.said[text] = true
		show(text)
	}
}

// silent shows nothing.
type silent struct{}

func (silent) Start(int, int)            {}
func (silent) Step(metrics.StepRow)      {}
func (silent) Progress(string, int, int) {}
func (silent) Message(string)            {}
func (silent) Warn(string)               {}
func (silent) Finish()                   {}
