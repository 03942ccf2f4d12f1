package eval

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stablelora/stablelora/internal/task"
)

// Table writes the table the harness prints, tasks and metrics in alphabetical
// order, every value with four decimals.
func Table(w io.Writer, results []*TaskResult) error {
	t := table{
		head:  []string{"Tasks", "Version", "Filter", "n-shot", "Metric", "", "Value", "", "Stderr"},
		right: []bool{1: true, 3: true, 6: true, 8: true},
	}
	results = slices.Clone(results)
	slices.SortStableFunc(results, func(a, b *TaskResult) int { return strings.Compare(a.Task.Name, b.Task.Name) })
	for _, r := range results {
		name, version := r.Task.Name, strings.TrimSuffix(fmt.Sprint(r.version()), ".0")
		metrics := slices.Clone(r.Metrics)
		slices.SortFunc(metrics, func(a, b Metric) int { return strings.Compare(a.Key(), b.Key()) })
		for _, m := range metrics {
			stderr := "N/A"
			if v, ok := m.Stderr(); ok {
				stderr = fmt.Sprintf("%.4f", v)
			}
			t.add(name, version, m.Filter, strconv.Itoa(r.NumFewshot), m.Name, "↑", fmt.Sprintf("%.4f", m.Mean()), "±", stderr)
			name, version = "", ""
		}
	}
	return t.write(w)
}

// TaskTable lists the tasks with version, few-shot examples and metrics.
func TaskTable(w io.Writer) error {
	t := table{head: []string{"Tasks", "Version", "n-shot", "Metrics"}, right: []bool{1: true, 2: true}}
	for _, name := range task.Names() {
		if k, ok := task.Lookup(name); ok {
			t.add(name, strconv.FormatFloat(k.Version, 'f', -1, 64), strconv.Itoa(k.DefaultFewshot), strings.Join(MetricKeys(k), " "))
		}
	}
	return t.write(w)
}

// CompareTable writes base, adapted and difference of each task that both
// models answered.
func CompareTable(w io.Writer, outcomes []Outcome) error {
	t := table{
		head:  []string{"Tasks", "Metric", "Filter", "n", "Base", "Adapted", "Difference", "", "Stderr", "p"},
		right: []bool{3: true, 4: true, 5: true, 6: true, 8: true, 9: true},
	}
	for _, o := range outcomes {
		if o.Base == nil || o.Adapted == nil {
			continue
		}
		differences, err := Compare(o.Base, o.Adapted)
		if err != nil {
			return err
		}
		name := o.Adapted.Task.Name
		for i, d := range differences {
			m := o.Adapted.Metrics[i]
			stderr := "N/A"
			if d.HasStderr {
				stderr = fmt.Sprintf("%.4f", d.Stderr)
			}
			t.add(name, m.Name, m.Filter, strconv.Itoa(o.Adapted.Len()), fmt.Sprintf("%.4f", o.Base.Metrics[i].Mean()),
				fmt.Sprintf("%.4f", m.Mean()), fmt.Sprintf("%+.4f", d.Value), "±", stderr, fmt.Sprintf("%.2g", d.PValue))
			name = ""
		}
	}
	return t.write(w)
}

// table is a Markdown table: headings centred, numbers to the right.
type table struct {
	head  []string
	right []bool // by column; shorter than head: left
	rows  [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) error {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for c, cell := range row {
			widths[c] = max(widths[c], utf8.RuneCountInString(cell), 3)
		}
	}
	var b strings.Builder
	for c, cell := range t.head {
		space := widths[c] - utf8.RuneCountInString(cell)
		b.WriteString("|" + strings.Repeat(" ", space/2) + cell + strings.Repeat(" ", space-space/2))
	}
	b.WriteString("|\n")
	for c, width := range widths {
		if t.isRight(c) {
			b.WriteString("|" + strings.Repeat("-", width-1) + ":")
		} else {
			b.WriteString("|" + strings.Repeat("-", width))
		}
	}
	b.WriteString("|\n")
	for _, row := range t.rows {
		for c, cell := range row {
			space := strings.Repeat(" ", widths[c]-utf8.RuneCountInString(cell))
			if t.isRight(c) {
				b.WriteString("|" + space + cell)
			} else {
				b.WriteString("|" + cell + space)
			}
		}
		b.WriteString("|\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *table) isRight(c int) bool { return c < len(t.right) && t.right[c] }
