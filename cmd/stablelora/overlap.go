package main

import (
	"fmt"
	"strings"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/data"
	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/overlap"
)

// findOverlap looks for evaluation documents and held-out records among the
// training records of a configuration, and warns of them.
func (e *env) findOverlap(cfg config.Data, questions []*eval.Questions, heldOut []config.DataFile) ([]overlap.Found, error) {
	if len(questions) == 0 && len(heldOut) == 0 {
		return nil, nil
	}
	x := overlap.New()
	for _, q := range questions {
		x.Source(q.Task.Name)
		q.Texts(x.Add)
	}
	for _, f := range heldOut {
		x.Source(f.Path)
		if err := data.Texts(cfg, []config.DataFile{f}, x.Add); err != nil {
			return nil, err
		}
	}
	if err := data.Texts(cfg, cfg.Train, x.See); err != nil {
		return nil, err
	}
	found := x.Found()
	for _, f := range found {
		if f.Same > 0 {
			e.warn("%s: %d of %d documents are among the training records: %s", f.Source, f.Same, f.Documents, pairs(f))
		}
		if f.Shared > f.Same {
			e.note("%s: %d of %d documents share 13 words in a row with a training record", f.Source, f.Shared, f.Documents)
		}
	}
	return found, nil
}

// pairs names the first documents found.
func pairs(f overlap.Found) string {
	var all []string
	for _, p := range f.First {
		all = append(all, fmt.Sprintf("%s is %s", p.Document, p.Record))
	}
	if len(all) < f.Same {
		all = append(all, "…")
	}
	return strings.Join(all, ", ")
}
