package eval

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/infer"
)

// generate lets the model write.
func (q *Questions) generate(ctx context.Context, m Model, maxGen int, opts Options) ([]Sample, error) {
	room := m.MaxLength() - maxGen
	if maxGen < 1 || room < 1 {
		return nil, fmt.Errorf("task %s: %d tokens are to be generated, but the model takes %d in all; choose a number below that (--max-gen-toks)", q.Task.Name, maxGen, m.MaxLength())
	}
	e := newEncoder(m)
	until := slices.Clone(q.Task.Until)
	if eos := m.EOSText(); q.Task.Protocol == "" && eos != "" && !slices.Contains(until, eos) { // as the harness does
		until = append(until, eos)
	}
	samples := opts.resumed(q)
	rest := q.documents[len(samples):]
	var truncated []bool // of rest, as far as prompts were taken
	prompts := func(yield func([]int32) bool) {
		for _, d := range rest {
			prompt := e.encode(d.context())
			if len(prompt) == 0 {
				prompt = []int32{m.PrefixToken()}
			}
			truncated = append(truncated, len(prompt) > room)
			if !yield(prompt[max(0, len(prompt)-room):]) {
				return
			}
		}
	}
	first := len(samples)
	answered := func(ids []int32) error {
		s := Sample{Generated: cut(m.Decode(ids, true), until), Truncated: truncated[len(samples)-first]}
		for _, f := range q.Task.Filters {
			s.Filtered = append(s.Filtered, f.Apply(s.Generated, q.documents[len(samples)].item.Target))
		}
		samples = append(samples, s)
		if opts.Progress != nil {
			opts.Progress(len(samples), len(q.documents))
		}
		return opts.store(s)
	}
	var err error
	if q.Task.Beams > 0 {
		err = m.BeamSearch(ctx, prompts, q.Task.Beams, maxGen, func(h infer.Hypothesis) error { return answered(h.Tokens) })
	} else {
		err = m.Generate(ctx, prompts, maxGen, stopper(m, until), answered)
	}
	return samples, err
}

// stopper returns a function that says whether the end of what was generated
// holds a stop text, special tokens included. Each token but a part of a
// character gives at least one byte, so a text that just ended lies within as
// many tokens as it has bytes, and a few for a character's first parts.
func stopper(m Model, until []string) func(ids []int32) bool {
	window := 4
	for _, u := range until {
		window = max(window, len(u)+4)
	}
	return func(ids []int32) bool {
		text := m.Decode(ids[max(0, len(ids)-window):], false)
		return slices.ContainsFunc(until, func(u string) bool { return strings.Contains(text, u) })
	}
}

// cut returns what stands before the first occurrence of any stop text.
func cut(text string, until []string) string {
	for _, u := range until {
		text, _, _ = strings.Cut(text, u)
	}
	return text
}
