package sweep

import (
	"encoding/csv"
	"io"
	"strconv"
)

// CSVFile has one row for each run that is done, in the grid's order.
const CSVFile = "sweep.csv"

// writeCSV writes the grid's keys, seed, status, steps and final loss, then the
// held-out losses and, of each task metric, the base and the adapted model's
// value, at last seconds and folder. What a run lacks is empty.
func (r *Report) writeCSV(w io.Writer) error {
	head := append([]string{}, r.Keys...)
	head = append(head, "seed", "status", "steps", "final_loss", "held_out_loss")
	columns := r.measures()
	files := 0
	for _, m := range columns {
		if m.loss {
			files++
		}
	}
	for _, m := range columns {
		switch {
		case !m.loss:
			head = append(head, m.column+"/base", m.column+"/adapted")
		case files > 1:
			head = append(head, m.column)
		}
	}
	out := csv.NewWriter(w)
	if err := out.Write(append(head, "seconds", "folder")); err != nil {
		return err
	}
	for _, run := range r.Runs {
		if run.Status == Pending {
			continue
		}
		var row []string
		for _, key := range r.Keys {
			row = append(row, run.Values[key])
		}
		row = append(row, strconv.FormatUint(run.Seed, 10), run.Status, strconv.Itoa(run.Steps), optional(run.FinalLoss), optional(run.HeldOut))
		for _, m := range columns {
			own, ok := run.measure(m.name)
			switch {
			case !m.loss:
				row = append(row, either(ok && own.base != nil, func() float64 { return ratio(own.base, nil) }), either(ok, own.value))
			case files > 1:
				row = append(row, either(ok, own.value))
			}
		}
		if err := out.Write(append(row, number(run.Seconds), run.Folder)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// measures lists those of all runs, in the order in which they first come.
func (r *Report) measures() []measure {
	var all []measure
	seen := map[string]bool{}
	for _, run := range r.Runs {
		for _, m := range run.measures {
			if !seen[m.name] {
				seen[m.name] = true
				all = append(all, m)
			}
		}
	}
	return all
}

func (r *Record) measure(name string) (measure, bool) {
	for _, m := range r.measures {
		if m.name == name {
			return m, true
		}
	}
	return measure{}, false
}

// number writes a float in the shortest form that reads back the same.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

func optional(x *float64) string {
	if x == nil {
		return ""
	}
	return number(*x)
}

func either(ok bool, value func() float64) string {
	if !ok {
		return ""
	}
	return number(value())
}
