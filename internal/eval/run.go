package eval

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/task"
)

// DefaultMaxGenToks is how many tokens the harness's hf backend generates.
const DefaultMaxGenToks = 256

// Options says how to ask.
type Options struct {
	MaxGenToks int                   // 0: the task's number, half the context where that is no longer
	Progress   func(done, total int) // requests answered; may be nil

	Done  []Sample           // of the first documents, from a run that was stopped
	Store func(Sample) error // called with every further one, in order; may be nil
}

// TaskResult is what a model made of a task.
type TaskResult struct {
	*Questions
	MaxGenToks int // tokens at most; Generate tasks only
	Metrics    []Metric
	Samples    []Sample // by document
}

// Subset says that not all documents of the file were asked.
func (r *TaskResult) Subset() bool { return r.Len() < r.Original }

// Sample is what a model made of one document. It depends on no other
// document.
type Sample struct {
	Scores    []Score  // Choice: of each choice
	Generated string   // Generate: the text, cut at the first stop text
	Filtered  []string // Generate: the answer each filter took out of it
	Truncated bool     `json:",omitempty"` // the document is longer than the model takes: it lost its beginning
}

// Run asks m all the questions.
func (q *Questions) Run(ctx context.Context, m Model, opts Options) (*TaskResult, error) {
	r := &TaskResult{Questions: q}
	var err error
	if q.Task.Kind == task.Generate {
		r.MaxGenToks = opts.MaxGenToks
		if r.MaxGenToks == 0 {
			r.MaxGenToks = cmp.Or(q.Task.MaxGenToks, DefaultMaxGenToks)
			if m.MaxLength() <= r.MaxGenToks { // the harness gives up here
				r.MaxGenToks = m.MaxLength() / 2
			}
		}
		r.Samples, err = q.generate(ctx, m, r.MaxGenToks, opts)
	} else {
		r.Samples, err = q.choose(ctx, m, opts)
	}
	if err != nil {
		return nil, err
	}
	r.measure()
	return r, nil
}

// resumed starts the samples with those a stopped run left, up to the first that
// does not fit its document: a damaged one is asked again.
func (o Options) resumed(q *Questions) []Sample {
	samples := make([]Sample, 0, len(q.documents))
	for i, d := range q.documents[:min(len(o.Done), len(q.documents))] {
		s := o.Done[i]
		if len(s.Scores) != len(d.item.Choices) || len(s.Filtered) != len(q.Task.Filters) {
			break
		}
		samples = append(samples, s)
	}
	return samples
}

func (o Options) store(s Sample) error {
	if o.Store == nil {
		return nil
	}
	return o.Store(s)
}

// NotFiniteError says that a model's answer to a document is no number.
type NotFiniteError struct {
	Where string // path:line
	Value float64
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s: the model gives the log-likelihood %v; its weights or the adapter's are broken", e.Where, e.Value)
}

// choose scores each document's choices.
func (q *Questions) choose(ctx context.Context, m Model, opts Options) ([]Sample, error) {
	samples := opts.resumed(q)
	done, total := 0, 0
	for i, d := range q.documents {
		total += len(d.item.Choices)
		if i < len(samples) {
			done += len(d.item.Choices)
		}
	}
	e := newEncoder(m)
	truncated := make([]bool, len(q.documents))
	first := len(samples)
	var broken error // a document's, which ends the questions
	questions := func(yield func([]Request) bool) {
		for k, d := range q.documents[first:] {
			var reqs []Request
			for i := range d.item.Choices {
				context, continuation := d.request(i)
				req, cut, err := e.request(context, continuation)
				if err != nil {
					broken = fsutil.Input(d.where, err)
					return
				}
				truncated[first+k] = truncated[first+k] || cut
				reqs = append(reqs, req)
			}
			if !yield(reqs) {
				return
			}
		}
	}
	err := m.Score(ctx, questions, func(scores []Score) error {
		n := len(samples)
		for _, s := range scores {
			if math.IsNaN(s.LogLikelihood) || math.IsInf(s.LogLikelihood, 0) {
				return &NotFiniteError{q.documents[n].where, s.LogLikelihood}
			}
		}
		samples = append(samples, Sample{Scores: scores, Truncated: truncated[n]})
		if done += len(scores); opts.Progress != nil {
			opts.Progress(done, total)
		}
		return opts.store(samples[n])
	})
	return samples, cmp.Or(err, broken)
}

// request is the prompt and the continuation whose likelihood is choice i's
// score.
func (d document) request(i int) (context, continuation string) {
	return d.contexts[i%len(d.contexts)], d.item.Delimiter + d.item.Continuation(i)
}

// context is what a generation continues.
func (d document) context() string { return d.contexts[0] }

// measure computes the metrics from the samples.
func (r *TaskResult) measure() {
	for fi, filter := range r.filterNames() {
		for _, name := range r.Task.Metrics {
			metric := Metric{Name: name, Filter: filter, Values: make([]float64, len(r.Samples))}
			for i, s := range r.Samples {
				if r.correct(name, r.documents[i].item, s, fi) {
					metric.Values[i] = 1
				}
			}
			r.Metrics = append(r.Metrics, metric)
		}
	}
}

// Truncated counts the documents that lost their beginning.
func (r *TaskResult) Truncated() int {
	n := 0
	for _, s := range r.Samples {
		if s.Truncated {
			n++
		}
	}
	return n
}

// Invalid returns the share of generations in which a filter found no answer.
func (r *TaskResult) Invalid(filter int) float64 {
	n := 0
	for _, s := range r.Samples {
		if s.Filtered[filter] == task.Invalid {
			n++
		}
	}
	return float64(n) / float64(len(r.Samples))
}
