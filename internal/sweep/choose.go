package sweep

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
)

// Keys that a comparison knows: what a method is, and what is tuned for it.
const (
	methodKey = "optimizer.name"
	rateKey   = "train.learning_rate"
)

// Choice is the best cell of each method, found on one measure and looked at on
// others.
type Choice struct {
	On          string   `json:"on"`
	ConfirmedOn []string `json:"confirmed_on"`
	SameData    bool     `json:"same_data"` // there are no other data to confirm it on
	MethodKeys  []string `json:"method_keys"`
	TunedKeys   []string `json:"tuned_keys"`
	Methods     []Pick   `json:"methods"`
}

// Pick is one method's best cell.
type Pick struct {
	Method map[string]string `json:"method"`
	Cell   int               `json:"cell"`
	Values map[string]string `json:"values"` // of the tuned keys
	Tried  int               `json:"tried"`  // cells to choose from
	Scores []Spread          `json:"scores"` // on the measure of the choice, then on those that confirm it
	Edge   string            `json:"edge,omitempty"`
}

// methods tells the grid's keys that make a method from those tuned for it: with
// several optimizers they are the methods; else all keys but the learning rate
// make one.
func (r *Report) methods() (method, tuned []string) {
	method, tuned = []string{}, []string{}
	optimizers := map[string]bool{}
	for _, c := range r.Cells {
		optimizers[c.Values[methodKey]] = true
	}
	for _, k := range r.Keys {
		if k == methodKey || len(optimizers) < 2 && k != rateKey {
			method = append(method, k)
		} else {
			tuned = append(tuned, k)
		}
	}
	return method, tuned
}

// choose picks each method's best cell by the mean over its seeds of the first
// measure; cells with a failed run come after all others.
func (r *Report) choose(measures []measure) {
	on := measures[0]
	ch := &Choice{On: on.name, ConfirmedOn: []string{}}
	ch.MethodKeys, ch.TunedKeys = r.methods()
	confirm := slices.DeleteFunc(slices.Clone(measures), func(m measure) bool { return sameFile(m.source, on.source) })
	for _, m := range confirm {
		ch.ConfirmedOn = append(ch.ConfirmedOn, m.name)
	}
	ch.SameData = len(confirm) == 0
	best := map[string]int{} // index in ch.Methods
	for i := range r.Cells {
		c := &r.Cells[i]
		score := c.measured(on)
		if score == nil {
			continue
		}
		name := label(c.Values, ch.MethodKeys)
		at, known := best[name]
		if !known {
			best[name] = len(ch.Methods)
			ch.Methods = append(ch.Methods, Pick{Method: pick(c.Values, ch.MethodKeys), Cell: i, Tried: 1})
			continue
		}
		p := &ch.Methods[at]
		p.Tried++
		old := &r.Cells[p.Cell]
		whole, oldWhole := c.Failed == 0, old.Failed == 0
		if whole && !oldWhole || whole == oldWhole && on.better(score.Mean, old.measured(on).Mean) {
			p.Cell = i
		}
	}
	for i := range ch.Methods {
		p := &ch.Methods[i]
		c := &r.Cells[p.Cell]
		p.Values = pick(c.Values, ch.TunedKeys)
		p.Edge = r.edge(c, ch.MethodKeys)
		for _, m := range append([]measure{on}, confirm...) {
			if s := c.measured(m); s != nil {
				p.Scores = append(p.Scores, *s)
			}
		}
	}
	r.Choice = ch
	r.noteChoice()
}

func (r *Report) noteChoice() {
	ch := r.Choice
	if ch.SameData {
		r.note("chosen and confirmed on the same data (%s): what was chosen looks better there than it is; name a second data.eval file or task", ch.On)
	}
	for _, p := range ch.Methods {
		if p.Edge != "" {
			r.note("%s: %s", label(p.Method, ch.MethodKeys), p.Edge)
		}
		if c := r.Cells[p.Cell]; c.Failed > 0 {
			r.note("%s: of the cell chosen, %d of %d runs failed", label(p.Method, ch.MethodKeys), c.Failed, c.Failed+len(c.runs))
		}
	}
	for _, c := range r.Cells {
		if c.Failed > 0 && len(c.runs) == 0 {
			r.note("%s: all %d runs failed", label(c.Values, r.Keys), c.Failed)
		}
	}
}

// edge warns where the learning rate chosen is the lowest or highest tried for
// the method, since a better one may lie beyond.
func (r *Report) edge(c *Cell, methodKeys []string) string {
	own, err := strconv.ParseFloat(c.Values[rateKey], 64)
	if err != nil {
		return ""
	}
	below, above := 0, 0
	for _, other := range r.Cells {
		rate, err := strconv.ParseFloat(other.Values[rateKey], 64)
		if err != nil || label(other.Values, methodKeys) != label(c.Values, methodKeys) {
			continue
		}
		if rate < own {
			below++
		} else if rate > own {
			above++
		}
	}
	switch {
	case below+above == 0 || below > 0 && above > 0:
		return ""
	case below == 0:
		return fmt.Sprintf("the learning rate chosen, %s, is the lowest tried; a lower one may be better", c.Values[rateKey])
	}
	return fmt.Sprintf("the learning rate chosen, %s, is the highest tried; a higher one may be better", c.Values[rateKey])
}

func pick(values map[string]string, keys []string) map[string]string {
	m := map[string]string{}
	for _, k := range keys {
		m[k] = values[k]
	}
	return m
}

// sameFile tells whether two paths lead to the same data, be it in a copy.
func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := os.ReadFile(a)
	y, errY := os.ReadFile(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
