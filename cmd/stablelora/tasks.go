package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/task"
	"github.com/stablelora/stablelora/internal/taskfile"
)

// findTask returns the task of a name or task file, or says that there is none.
func findTask(name string) (*task.Task, error) {
	t, err := taskfile.Find(name)
	if t != nil || err != nil {
		return t, err
	}
	if name == "gsm8k_cot_self_consistency" {
		return nil, usagef("task %s draws 64 answers to each question, and eval is greedy; take gsm8k_cot", name)
	}
	return nil, usagef("there is no task %q; stablelora eval --tasks list shows them%s", name, didYouMean("", name, task.Names()))
}

// chosen are the named tasks, with the settings of configured where it has them.
func chosen(names []string, configured []eval.TaskSpec) []eval.TaskSpec {
	var specs []eval.TaskSpec
	for _, name := range names {
		spec := eval.TaskSpec{Name: strings.TrimSpace(name)}
		if i := slices.IndexFunc(configured, func(s eval.TaskSpec) bool { return s.Name == spec.Name }); i >= 0 {
			spec = configured[i]
		}
		specs = append(specs, spec)
	}
	return specs
}

// apply puts the flags over the tasks' own settings.
func (o *evalOptions) apply(e *env, specs []eval.TaskSpec, fewshot bool) error {
	var names []string
	byName := map[string]*eval.TaskSpec{}
	for i := range specs {
		s := &specs[i]
		t, err := findTask(s.Name)
		if err != nil {
			return err
		}
		if byName[t.Name] != nil {
			return usagef("task %s is named twice", t.Name)
		}
		byName[t.Name] = s
		names = append(names, t.Name)
		if t.Own != nil {
			s.Path, s.FewshotPath = cmp.Or(s.Path, t.Own.Path), cmp.Or(s.FewshotPath, t.Own.FewshotPath)
		}
		if t.ZeroShot && o.numFewshot > 0 {
			e.warn("%s shows no examples, whatever --num-fewshot says", t.Name)
		}
		if fewshot {
			s.NumFewshot = &o.numFewshot
		}
		if o.limit > 0 {
			s.Limit = o.limit
		}
	}
	set := func(flag string, pairs []string, store func(*eval.TaskSpec, string)) error {
		seen := map[string]bool{}
		for _, p := range pairs {
			name, path, ok := strings.Cut(p, "=")
			if !ok || path == "" {
				return usagef("--%s %q must be TASK=FILE", flag, p)
			}
			s := byName[name]
			if s == nil {
				return usagef("--%s %s: the task %q is not among those evaluated", flag, p, name)
			}
			if seen[name] {
				return usagef("--%s names two files for %s; a task has one", flag, name)
			}
			seen[name] = true
			store(s, path)
		}
		return nil
	}
	if err := set("data", o.data, func(s *eval.TaskSpec, path string) { s.Path = path }); err != nil {
		return err
	}
	if err := set("fewshot-data", o.fewshotData, func(s *eval.TaskSpec, path string) { s.FewshotPath = path }); err != nil {
		return err
	}
	for i, s := range specs {
		if s.Path == "" {
			return usagef("task %s has no data; give --data %s=FILE", names[i], names[i])
		}
	}
	return nil
}

// listTasks prints the tasks with what they report.
func listTasks(e *env) error {
	if !e.json {
		return eval.TaskTable(e.out)
	}
	type row struct {
		Name       string   `json:"name"`
		Version    float64  `json:"version"`
		NumFewshot int      `json:"num_fewshot"`
		Metrics    []string `json:"metrics"`
	}
	var rows []row
	for _, name := range task.Names() {
		t, _ := task.Lookup(name)
		rows = append(rows, row{name, t.Version, t.DefaultFewshot, eval.MetricKeys(t)})
	}
	return e.printJSON(map[string]any{"tasks": rows})
}
