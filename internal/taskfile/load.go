package taskfile

import (
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/task"
)

// Find returns the built-in task of that name or, where it is a path, the
// file's. It is nil where there is none of that name; the error is a
// *config.Error with every problem of the file.
func Find(name string) (*task.Task, error) {
	if config.IsTaskFile(name) {
		return Load(name)
	}
	t, _ := task.Lookup(name)
	return t, nil
}

// Load reads a task file. The error is a *config.Error with every problem.
func Load(path string) (*task.Task, error) {
	d := &definition{path: path, splits: map[string]entry{}, files: map[string]string{}}
	d.file(path, 0)
	if len(d.entries) == 0 {
		if len(d.problems) == 0 {
			d.fail(path, 0, "it is empty")
		}
		return nil, d.failed()
	}
	d.task = &task.Task{
		Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Kind: task.Generate,
		TargetDelimiter: " ", Own: &task.Own{Unversioned: true, FewshotDelimiter: "\n\n"},
	}
	d.numFewshot = -1
	for _, e := range d.entries {
		d.key(e)
	}
	d.settle()
	if err := d.failed(); err != nil {
		return nil, err
	}
	return d.task, nil
}

// definition is a task file on its way to a task.
type definition struct {
	reader
	path       string
	task       *task.Task
	words      wording
	splits     map[string]entry // test_split and the like
	files      map[string]string
	samples    []sample
	sampled    bool // fewshot_config.samples is there
	numFewshot int  // -1: not given
	metrics    []entry
	filters    []entry
	generation entry
	noKind     bool // output_type is wrong, so that no key can be measured by it
}

// Keys of the harness that change nothing here, and those it has and we have not.
var (
	idle        = []string{"tag", "group", "task_alias", "should_decontaminate", "doc_to_decontamination_query", "dataset_path", "dataset_name", "recipe"}
	unsupported = map[string]string{
		"process_docs":    "put the work into the templates, or write the processed documents to a file",
		"process_results": "metric_list has what can be measured",
		"gen_prefix":      "end doc_to_text with it",
		"use_prompt":      "write doc_to_text, doc_to_target and doc_to_choice",
		"doc_to_image":    "models here read text alone",
		"doc_to_audio":    "models here read text alone",
		"custom_dataset":  "name files in dataset_kwargs.data_files",
		"unsafe_code":     "nothing of a task is run as a program here",
		"class":           "only tasks of YAML are read",
	}
	known = []string{
		"include", "task", "dataset_kwargs", "training_split", "validation_split", "test_split", "fewshot_split", "output_type",
		"doc_to_text", "doc_to_target", "doc_to_choice", "description", "target_delimiter", "fewshot_delimiter", "fewshot_config",
		"num_fewshot", "metric_list", "generation_kwargs", "repeats", "filter_list", "metadata",
	}
)

var kinds = map[string]task.Kind{"multiple_choice": task.Choice, "generate_until": task.Generate, "loglikelihood": task.Likelihood}

// key reads one key of the file.
func (d *definition) key(e entry) {
	if instead, ok := unsupported[e.key]; ok {
		d.fail(e.path, e.line, "%s is not supported; %s", e.key, instead)
		return
	}
	if !slices.Contains(idle, e.key) && !slices.Contains(known, e.key) {
		text := didYouMean(e.key, slices.Concat(known, idle))
		d.fail(e.path, e.line, "%s is no key of a task%s", e.key, text)
		return
	}
	if raw, err := toJSON(e.value); err != nil {
		d.fail(e.path, e.line, "%s: %v", e.key, err)
		return
	} else if !isNull(e.value) {
		d.task.Own.Config = append(d.task.Own.Config, task.Setting{Name: e.key, Value: raw})
	}
	if isNull(e.value) {
		return
	}
	text := func(into *string) {
		if s, ok := d.text(e, e.value, e.key); ok {
			*into = s
		}
	}
	switch e.key {
	case "task":
		text(&d.task.Name)
		d.name(e)
	case "training_split", "validation_split", "test_split", "fewshot_split":
		d.splits[e.key] = e
		text(new(string))
	case "dataset_kwargs":
		d.dataset(e)
	case "output_type":
		d.outputType(e)
	case "doc_to_text", "doc_to_target", "doc_to_choice", "description":
		d.wording(e)
	case "target_delimiter":
		text(&d.task.TargetDelimiter)
	case "fewshot_delimiter":
		text(&d.task.Own.FewshotDelimiter)
	case "fewshot_config":
		d.fewshot(e)
	case "num_fewshot":
		d.numFewshot = d.integer(e, e.value, e.key, 0, 1000)
	case "metric_list":
		d.list(e, e.value, e.key, func(n *yaml.Node) { d.metrics = append(d.metrics, entry{e.key, n, e.path, n.Line}) })
	case "filter_list":
		d.list(e, e.value, e.key, func(n *yaml.Node) { d.filters = append(d.filters, entry{e.key, n, e.path, n.Line}) })
	case "generation_kwargs":
		d.generation = e
	case "repeats":
		if d.integer(e, e.value, e.key, 1, 1<<20) > 1 {
			d.fail(e.path, e.line, "repeats must be 1: greedy answers are all alike")
		}
	case "metadata":
		d.metadata(e)
	}
}

// name checks a task's name, which becomes part of files' names.
func (d *definition) name(e entry) {
	if n := d.task.Name; n == "" || len(n) > 100 || strings.ContainsAny(n, "/\\:=, \t\n") || strings.HasPrefix(n, ".") {
		d.fail(e.path, e.line, "task must be a name without spaces and signs like / and =, not %.60q", n)
	}
}

func (d *definition) outputType(e entry) {
	name, ok := d.text(e, e.value, e.key)
	kind, found := kinds[name]
	d.noKind = !found
	switch {
	case !ok:
	case name == "loglikelihood_rolling":
		d.fail(e.path, e.line, "output_type loglikelihood_rolling is not supported; multiple_choice, generate_until and loglikelihood are")
	case !found:
		text := didYouMean(name, []string{"multiple_choice", "generate_until", "loglikelihood"})
		d.fail(e.path, e.line, "output_type must be one of multiple_choice, generate_until, loglikelihood, not %q%s", name, text)
	default:
		d.task.Kind = kind
	}
}

func (d *definition) metadata(e entry) {
	d.section(e, e.value, e.key, func(name string, n *yaml.Node) {
		if name == "version" {
			d.task.Own.Unversioned = false
			d.task.Version = d.number(e, n, "metadata.version")
		}
	})
}
