package eval

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/task"
)

// Outcome is one task's results. At least one is set.
type Outcome struct {
	Base    *TaskResult // of the base model
	Adapted *TaskResult // with the adapter
}

// Result is the adapted model's result, or where there is none the base's.
func (o Outcome) Result() *TaskResult {
	if o.Adapted != nil {
		return o.Adapted
	}
	return o.Base
}

// WriteRunResults writes the results.json of a training run: for each task how
// many documents were asked, both models' metrics and their difference.
func WriteRunResults(path string, outcomes []Outcome) error {
	var tasks object
	for _, o := range outcomes {
		r := o.Result()
		entry := object{{"n", r.Len()}, {"n_original", r.Original}, {"subset", r.Subset()}, {"truncated", r.Truncated()}, {"num_fewshot", r.NumFewshot}, {"version", r.version()}}
		if o.Base != nil {
			entry = append(entry, field{"base", append(o.Base.metrics(), o.Base.invalid()...)})
		}
		if o.Adapted != nil {
			entry = append(entry, field{"adapted", append(o.Adapted.metrics(), o.Adapted.invalid()...)})
		}
		difference, err := o.difference()
		if err != nil {
			return err
		}
		if difference != nil {
			entry = append(entry, field{"difference", difference})
		}
		tasks = append(tasks, field{r.Task.Name, entry})
	}
	return fsutil.WriteTo(path, func(w io.Writer) error { return dump(w, object{{"tasks", tasks}}, 2) })
}

// metrics holds each metric's value and standard error: acc,none and
// acc_stderr,none.
func (r *TaskResult) metrics() object {
	var o object
	for _, m := range r.Metrics {
		o = append(o, field{m.Key(), number(m.Mean())}, field{m.StderrKey(), orNA(m.Stderr())})
	}
	return o
}

// invalid holds the share of generations in which each filter found nothing.
func (r *TaskResult) invalid() object {
	var o object
	if r.Task.Kind == task.Generate {
		for i, name := range r.filterNames() {
			o = append(o, field{"invalid," + name, number(r.Invalid(i))})
		}
	}
	return o
}

// orNA is a standard error, or "N/A" where there is none.
func orNA(v float64, ok bool) any {
	if !ok {
		return "N/A"
	}
	return number(v)
}

// difference is nil where there is nothing to compare.
func (o Outcome) difference() (object, error) {
	if o.Base == nil || o.Adapted == nil {
		return nil, nil
	}
	differences, err := Compare(o.Base, o.Adapted)
	if err != nil {
		return nil, err
	}
	var out object
	for _, d := range differences {
		out = append(out, field{d.Key, object{{"value", number(d.Value)}, {"stderr", orNA(d.Stderr, d.HasStderr)}, {"p_value", number(d.PValue)}}})
	}
	return out, nil
}

// WriteResults writes results.json, in the harness's layout, to dir, and with
// logSamples a samples_<task>.jsonl for each task. results holds the adapted
// model's figures where there is an adapter, base then the base model's where
// it was scored; what the harness has no place for is under stablelora. Samples
// that an earlier evaluation left there are removed.
func WriteResults(dir string, outcomes []Outcome, info Info, logSamples bool) error {
	var written []string
	for _, o := range outcomes {
		if r := o.Result(); logSamples {
			path := filepath.Join(dir, "samples_"+r.Task.Name+".jsonl")
			if err := fsutil.WriteTo(path, r.writeSamples); err != nil {
				return err
			}
			written = append(written, path)
		}
	}
	if err := removeSamples(dir, written); err != nil {
		return err
	}
	return fsutil.WriteTo(filepath.Join(dir, "results.json"), func(w io.Writer) error { return Encode(w, outcomes, info) })
}

// Encode writes what results.json holds.
func Encode(w io.Writer, outcomes []Outcome, info Info) error {
	if len(outcomes) == 0 {
		return errors.New("there are no results to write")
	}
	doc, err := resultsDocument(outcomes, info)
	if err != nil {
		return err
	}
	return dump(w, doc, 2)
}

// removeSamples removes the samples files, but those just written, that belong to
// the results.json in dir, so that the folder holds one evaluation's files.
func removeSamples(dir string, written []string) error {
	var earlier struct{ Results map[string]json.RawMessage }
	if raw, err := fsutil.ReadFile(filepath.Join(dir, "results.json"), fsutil.MaxFile); err != nil || json.Unmarshal(raw, &earlier) != nil {
		return nil // none, or none of ours
	}
	for _, name := range slices.Sorted(maps.Keys(earlier.Results)) {
		path := filepath.Join(dir, "samples_"+name+".jsonl")
		if filepath.Dir(path) != filepath.Clean(dir) || slices.Contains(written, path) {
			continue
		}
		if err := fsutil.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func resultsDocument(outcomes []Outcome, info Info) (object, error) {
	var results, base, samples, extras object
	perTask := map[string]*object{"configs": {}, "versions": {}, "n-shot": {}, "higher_is_better": {}}
	add := func(key, name string, value any) { *perTask[key] = append(*perTask[key], field{name, value}) }
	hashes, subset := object{}, false
	for _, o := range outcomes {
		r := o.Result()
		name := r.Task.Name
		results = append(results, field{name, r.summary()})
		if o.Adapted != nil && o.Base != nil {
			base = append(base, field{name, o.Base.summary()})
		}
		subset = subset || r.Subset()
		samples = append(samples, field{name, object{{"original", r.Original}, {"effective", r.Len()}}})
		add("configs", name, r.config())
		add("versions", name, r.version())
		add("n-shot", name, r.NumFewshot)
		add("higher_is_better", name, r.higherIsBetter())
		h, err := r.taskHash()
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, field{name, h})
		extra, err := o.extra()
		if err != nil {
			return nil, err
		}
		extras = append(extras, field{name, extra})
	}
	doc := object{{"results", results}}
	if base != nil {
		doc = append(doc, field{"base", base})
	}
	doc = append(doc, field{"group_subtasks", object{}})
	for _, key := range []string{"configs", "versions", "n-shot", "higher_is_better"} {
		slices.SortFunc(*perTask[key], func(a, b field) int { return strings.Compare(a.key, b.key) })
		doc = append(doc, field{key, *perTask[key]})
	}
	doc = append(doc, field{"n-samples", samples})
	doc = append(doc, info.fields()...)
	ours := object{{"version", info.Version}, {"adapter", info.Adapter}, {"subset", subset}, {"protocol", "lm-evaluation-harness 0.4.13"}, {"tasks", extras}}
	if info.Overlap != nil {
		ours = append(ours, field{"training_overlap", info.Overlap})
	}
	return append(doc, field{"task_hashes", hashes}, field{"stablelora", ours}), nil
}

// extra is what the harness has no place for.
func (o Outcome) extra() (object, error) {
	r := o.Result()
	extra := object{{"subset", r.Subset()}, {"truncated", r.Truncated()}}
	if r.Task.Protocol != "" {
		extra = append(extra, field{"protocol", r.Task.Protocol})
	}
	if r.Task.Kind == task.Generate {
		extra = append(extra, field{"max_gen_toks", r.MaxGenToks})
		extra = append(extra, r.invalid()...)
	}
	difference, err := o.difference()
	if difference != nil {
		extra = append(extra, field{"difference", difference})
	}
	return extra, err
}

func (r *TaskResult) summary() object {
	return append(object{{"name", r.Task.Name}, {"alias", r.Task.Name}, {"sample_len", r.Len()}}, r.metrics()...)
}

// version is the task's; the harness calls a task file without one "Yaml".
func (r *TaskResult) version() any {
	if r.Task.Own != nil && r.Task.Own.Unversioned {
		return "Yaml"
	}
	return number(r.Task.Version)
}

func (r *TaskResult) higherIsBetter() object {
	var o object
	for _, name := range r.Task.Metrics {
		o = append(o, field{name, true})
	}
	return o
}

// taskHash is the harness's: over the hashes of all rows of the samples file.
func (r *TaskResult) taskHash() (string, error) {
	var all strings.Builder
	for range r.filterNames() {
		for i := range r.Samples {
			h, err := r.hashes(i)
			if err != nil {
				return "", err
			}
			all.WriteString(h.doc + h.prompt + h.target)
		}
	}
	return hashText(all.String()), nil
}
