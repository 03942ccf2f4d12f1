// Package metrics records a run and shows its progress: Log appends to
// metrics.jsonl and stability.jsonl, CutBack shortens them for a resumed run,
// and Reporter is what a person sees on standard error, a bar on a terminal and
// plain lines elsewhere.
//
// The files are the record; the console is a view that may be silent. The
// package must not know models, optimizers or what makes a step: it is given
// rows.
package metrics
