package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/stablelora/stablelora/internal/task"
)

// hashes identify a document, its first context and its answer as the harness
// does: SHA-256 in hexadecimal.
type hashes struct{ doc, prompt, target string }

func (r *TaskResult) hashes(i int) (hashes, error) {
	d := r.documents[i]
	doc, err := hashDoc(d.extended(r.Task))
	return hashes{doc, hashText(d.context()), hashText(target(d.item))}, err
}

// extended is the document with the fields the harness adds to it.
func (d document) extended(t *task.Task) any {
	var has struct{ Query json.RawMessage }
	if !t.Extends || json.Unmarshal(d.raw, &has) != nil || has.Query != nil {
		return d.raw
	}
	added, err := json.Marshal(object{{"query", d.item.Contexts[0]}, {"choices", d.item.Choices}, {"gold", d.item.Gold}})
	if err != nil {
		panic(err) // texts and a number
	}
	open := strings.TrimSuffix(strings.TrimSpace(string(d.raw)), "}")
	return json.RawMessage(open + "," + string(added[1:]))
}

// target is what the harness gives as a document's target: the number of the
// right choice, or for generations and winogrande a text.
func target(it task.Item) string {
	if it.Target != "" || it.Choices == nil {
		return it.Target
	}
	return strconv.Itoa(it.Gold)
}

// writeSamples writes one row per document and filter, with the harness's
// field names.
func (r *TaskResult) writeSamples(w io.Writer) error {
	for fi, filter := range r.filterNames() {
		metrics := slices.DeleteFunc(slices.Clone(r.Metrics), func(m Metric) bool { return m.Filter != filter })
		for i := range r.Samples {
			row, err := r.sampleRow(i, fi, filter, metrics)
			if err == nil {
				err = dump(w, row, 0)
			}
			if err != nil {
				return fmt.Errorf("sample %d of %s: %w", i, r.Task.Name, err)
			}
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *TaskResult) sampleRow(i, filterIndex int, filter string, metrics []Metric) (object, error) {
	d, s := r.documents[i], r.Samples[i]
	h, err := r.hashes(i)
	if err != nil {
		return nil, err
	}
	var arguments object
	var responses, filtered any
	if r.Task.Kind == task.Generate {
		arguments = object{{"gen_args_0", object{{"arg_0", d.context()}, {"arg_1", r.generationArguments()}}}}
		responses, filtered = [][]string{{s.Generated}}, []string{s.Filtered[filterIndex]}
	} else {
		var all [][][]string
		var each [][]string
		for c, score := range s.Scores {
			context, continuation := d.request(c)
			arguments = append(arguments, field{fmt.Sprintf("gen_args_%d", c), object{{"arg_0", context}, {"arg_1", continuation}}})
			answer := []string{number(score.LogLikelihood).String(), pythonBool(score.Greedy)}
			all, each = append(all, [][]string{answer}), append(each, answer)
		}
		responses, filtered = all, each
	}
	var names []string
	for _, m := range metrics {
		names = append(names, m.Name)
	}
	row := object{
		{"doc_id", i}, {"doc", d.extended(r.Task)}, {"target", target(d.item)},
		{"arguments", arguments}, {"resps", responses}, {"filtered_resps", filtered},
		{"filter", filter}, {"metrics", names},
		{"doc_hash", h.doc}, {"prompt_hash", h.prompt}, {"target_hash", h.target},
	}
	for _, m := range metrics {
		row = append(row, field{m.Name, r.value(m, i)})
	}
	return row, nil
}

// value is a metric's value for a document; the harness has those that tell
// whether a text is the likeliest one as whole numbers.
func (r *TaskResult) value(m Metric, i int) any {
	if r.Task.Kind == task.Likelihood || r.Task.Kind == task.Choice && m.Name == "exact_match" {
		return int(m.Values[i])
	}
	return number(m.Values[i])
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// generationArguments is the harness's gen_kwargs.
func (r *TaskResult) generationArguments() object {
	var o object
	values := map[string]any{"until": r.Task.Until, "do_sample": false, "temperature": number(0), "max_gen_toks": r.MaxGenToks}
	if r.Task.Own != nil && r.Task.Own.OneStop {
		values["until"] = r.Task.Until[0]
	}
	names := r.Task.Arguments
	if names == nil {
		names = []string{"until", "do_sample", "temperature"}
	}
	for _, name := range names {
		o = append(o, field{name, values[name]})
	}
	if r.Task.Beams > 0 {
		o = append(o, field{"num_beams", r.Task.Beams})
	}
	if r.MaxGenToks != DefaultMaxGenToks && !slices.Contains(r.Task.Arguments, "max_gen_toks") {
		o = append(o, field{"max_gen_toks", r.MaxGenToks})
	}
	return o
}

// filterNames lists the filters whose figures a task has.
func (q *Questions) filterNames() []string { return filterNames(q.Task) }

func filterNames(t *task.Task) []string {
	if t.Kind != task.Generate {
		return []string{"none"}
	}
	var names []string
	for _, f := range t.Filters {
		names = append(names, f.Name)
	}
	return names
}

// MetricKeys are the keys of a task's metrics in results files, without their
// standard errors.
func MetricKeys(t *task.Task) []string {
	var keys []string
	for _, filter := range filterNames(t) {
		for _, name := range t.Metrics {
			keys = append(keys, Metric{Name: name, Filter: filter}.Key())
		}
	}
	return keys
}
