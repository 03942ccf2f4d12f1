package main

import (
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
