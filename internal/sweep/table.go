package sweep

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Write writes the report for a person: the cells, the choice, the tests, and
// what to keep in mind.
func (r *Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	r.writeCells(t)
	if r.Choice != nil {
		fmt.Fprintln(t)
		r.writeChoice(t)
	}
	if len(r.Comparisons) > 0 {
		fmt.Fprintln(t)
		r.writeTests(t)
	}
	for i, n := range r.Notes {
		if i == 0 {
			fmt.Fprintln(t)
		}
		fmt.Fprintf(t, "note: %s\n", n)
	}
	return t.Flush()
}

// writeCells writes mean ± standard deviation, and in brackets the best seed's,
// of every figure.
func (r *Report) writeCells(t io.Writer) {
	measures := r.measures()
	head := append(slices.Clone(r.Keys), "runs", "final loss")
	base := append(make([]string, len(r.Keys)), "", "")
	hasBase := false
	for _, m := range measures {
		head = append(head, m.name)
		value := ""
		for _, c := range r.Cells {
			if s := c.find(m.name); s != nil && s.Base != nil {
				value, hasBase = fmt.Sprintf("%.4f", *s.Base), true
			}
		}
		base = append(base, value)
	}
	fmt.Fprintln(t, "Mean ± standard deviation over seeds (best seed)")
	row(t, head)
	if base[0] += "base model"; hasBase {
		row(t, base)
	}
	for _, c := range r.Cells {
		var cells []string
		for _, k := range r.Keys {
			cells = append(cells, c.Values[k])
		}
		runs := fmt.Sprint(len(c.runs))
		if c.Failed > 0 {
			runs += fmt.Sprintf(", %d failed", c.Failed)
		}
		cells = append(cells, runs, c.FinalLoss.text())
		for _, m := range measures {
			cells = append(cells, c.find(m.name).text())
		}
		row(t, cells)
	}
}

func (c *Cell) find(name string) *Spread {
	for i := range c.Measures {
		if c.Measures[i].Measure == name {
			return &c.Measures[i]
		}
	}
	return nil
}

// text is 1.2345 ± 0.0123 (1.2200).
func (s *Spread) text() string {
	switch {
	case s == nil:
		return "-"
	case s.SD == nil:
		return fmt.Sprintf("%.4f", s.Mean)
	}
	return fmt.Sprintf("%.4f ± %.4f (%.4f)", s.Mean, *s.SD, s.Best)
}

func (r *Report) writeChoice(t io.Writer) {
	ch := r.Choice
	confirmed := "the same data"
	if !ch.SameData {
		confirmed = strings.Join(ch.ConfirmedOn, ", ")
	}
	fmt.Fprintf(t, "Best of each method, chosen on %s, confirmed on %s\n", ch.On, confirmed)
	head := slices.Concat(ch.MethodKeys, ch.TunedKeys, []string{"of", ch.On})
	if !ch.SameData {
		head = append(head, ch.ConfirmedOn...)
	}
	row(t, head)
	for _, p := range ch.Methods {
		var cells []string
		for _, k := range ch.MethodKeys {
			cells = append(cells, p.Method[k])
		}
		for _, k := range ch.TunedKeys {
			cells = append(cells, p.Values[k])
		}
		cells = append(cells, fmt.Sprint(p.Tried))
		for _, s := range p.Scores {
			cells = append(cells, s.text())
		}
		row(t, cells)
	}
}

func (r *Report) writeTests(t io.Writer) {
	fmt.Fprintln(t, "Paired tests on the same items")
	row(t, []string{"", "minus", "on", "", "items", "seeds", "difference", "95 % interval", "p", "p (Holm)", "test"})
	for _, c := range r.Comparisons {
		row(t, []string{c.LabelA, c.LabelB, c.Measure, c.Role, fmt.Sprint(c.Items), fmt.Sprint(len(c.Seeds)),
			fmt.Sprintf("%+.4f", c.Difference), c.interval(), fmt.Sprintf("%.2g", c.P), fmt.Sprintf("%.2g", c.Holm), c.Test})
	}
}

func row(t io.Writer, cells []string) { fmt.Fprintln(t, strings.Join(cells, "\t")) }
