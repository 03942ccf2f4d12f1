package taskfile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stablelora/stablelora/internal/spell"
	"github.com/stablelora/stablelora/internal/task"
)

// metrics that are measured, the harness's defaults first.
var (
	metrics = map[task.Kind][]string{
		task.Choice:     {"acc", "acc_norm", "acc_bytes", "exact_match"},
		task.Generate:   {"exact_match"},
		task.Likelihood: {"acc"},
	}
	defaultMetrics = map[task.Kind]int{task.Choice: 2, task.Generate: 1, task.Likelihood: 1}
	kindNames      = map[task.Kind]string{task.Choice: "multiple_choice", task.Generate: "generate_until", task.Likelihood: "loglikelihood"}
)

// settle checks the keys together and completes the task.
func (d *definition) settle() {
	t, w := d.task, &d.words
	w.kind = t.Kind
	hasChoices := w.choice != nil || w.choices != nil
	for _, s := range []*source{w.text, w.target} {
		if s != nil {
			s.numbers = hasChoices
		}
	}
	for _, key := range []string{"doc_to_text", "doc_to_target"} {
		if !d.told(key) {
			d.fail(d.path, 0, "%s is missing", key)
		}
	}
	switch {
	case d.noKind:
	case t.Kind == task.Choice && !hasChoices && !d.told("doc_to_choice"):
		d.fail(d.path, 0, "doc_to_choice is missing, which multiple_choice needs")
	case t.Kind != task.Choice && hasChoices:
		d.fail(d.path, 0, "doc_to_choice is for multiple_choice alone; output_type is %s", kindNames[t.Kind])
	}
	if !d.noKind {
		d.measured()
		d.generated()
	}
	d.sources()
	if d.numFewshot >= 0 {
		t.DefaultFewshot, t.ZeroShot = d.numFewshot, d.numFewshot == 0
	}
	if len(d.problems) == 0 {
		t.Own.Word = w.word
		d.examples()
	}
}

// told says whether a key was given, in whatever way.
func (d *definition) told(key string) bool {
	return slices.ContainsFunc(d.entries, func(e entry) bool { return e.key == key && !isNull(e.value) })
}

// measured reads metric_list.
func (d *definition) measured() {
	t := d.task
	possible := metrics[t.Kind]
	if len(d.metrics) == 0 {
		if t.Kind == task.Likelihood {
			d.fail(d.path, 0, "metric_list is missing: perplexity, which the harness takes then, is not measured here; acc is")
		}
		t.Metrics = possible[:defaultMetrics[t.Kind]]
	}
	t.Exact = &task.Exact{}
	for _, e := range d.metrics {
		name := ""
		var options []string
		d.section(e, e.value, e.key, func(key string, n *yaml.Node) {
			switch key {
			case "metric":
				name, _ = d.text(e, n, "metric_list.metric")
			case "aggregation", "higher_is_better":
			default:
				options = append(options, key)
			}
		})
		switch {
		case name == "":
			d.fail(e.path, e.line, "metric_list: each item must name its metric")
		case !slices.Contains(possible, name):
			d.fail(e.path, e.line, "metric_list: %s cannot measure %q here; there are %s%s", kindNames[t.Kind], name, strings.Join(possible, ", "), didYouMean(name, possible))
		case slices.Contains(t.Metrics, name):
			d.fail(e.path, e.line, "metric_list: %s is given twice", name)
		default:
			t.Metrics = append(t.Metrics, name)
			d.metric(e, name)
		}
		if len(options) > 0 && (name != "exact_match" || t.Kind != task.Generate) {
			d.fail(e.path, e.line, "metric_list: %s takes no %s", name, options[0])
		}
	}
}

// metric reads what an item of metric_list says besides the name.
func (d *definition) metric(e entry, name string) {
	x := d.task.Exact
	exact := []string{"ignore_case", "ignore_punctuation", "ignore_numbers", "regexes_to_ignore"}
	d.section(e, e.value, e.key, func(key string, n *yaml.Node) {
		full := "metric_list." + key
		switch {
		case key == "metric":
		case key == "aggregation":
			if a, ok := d.text(e, n, full); ok && a != "mean" {
				d.fail(e.path, n.Line, "%s of %s must be mean, not %q", full, name, a)
			}
		case key == "higher_is_better":
			if !d.boolean(e, n, full) {
				d.fail(e.path, n.Line, "%s of %s must be true", full, name)
			}
		case key == "ignore_case":
			x.IgnoreCase = d.boolean(e, n, full)
		case key == "ignore_punctuation":
			x.IgnorePunctuation = d.boolean(e, n, full)
		case key == "ignore_numbers":
			x.IgnoreDigits = d.boolean(e, n, full)
		case key == "regexes_to_ignore":
			for _, text := range d.texts(e, n, full) {
				if p := d.pattern(e, n, full, text); p != nil {
					x.Ignore = append(x.Ignore, p)
				}
			}
		default:
			d.fail(e.path, n.Line, "%s is not supported%s", full, didYouMean(key, exact))
		}
	})
}

func (d *definition) pattern(e entry, n *yaml.Node, key, text string) *task.Pattern {
	p, err := task.CompilePattern(text)
	if err != nil {
		d.fail(e.path, n.Line, "%s: %v", key, err)
		return nil
	}
	return p
}

// generated reads generation_kwargs and filter_list.
func (d *definition) generated() {
	t := d.task
	if t.Kind != task.Generate {
		for _, e := range append(d.filters, d.generation) {
			if e.key != "" {
				d.fail(e.path, e.line, "%s is for generate_until alone; output_type is %s", e.key, kindNames[t.Kind])
				return
			}
		}
		return
	}
	if d.generation.key == "" {
		t.Arguments = []string{"temperature", "do_sample", "max_gen_toks"}
		t.MaxGenToks = 256
	} else {
		d.section(d.generation, d.generation.value, "generation_kwargs", d.argument)
	}
	if t.Until == nil {
		t.Until = []string{t.Own.FewshotDelimiter}
		t.Arguments = append(t.Arguments, "until")
	}
	for _, e := range d.filters {
		d.filter(e)
	}
	if len(d.filters) == 0 {
		t.Filters = []task.Filter{{Name: "none", Steps: []task.Step{}}}
	}
}

// argument reads one of generation_kwargs.
func (d *definition) argument(name string, n *yaml.Node) {
	e, key, t := d.generation, "generation_kwargs."+name, d.task
	switch name {
	case "until":
		if n.Kind == yaml.ScalarNode {
			if s, ok := d.text(e, n, key); ok {
				t.Until, t.Own.OneStop = []string{s}, true
			}
		} else {
			t.Until = d.texts(e, n, key)
		}
		if slices.Contains(t.Until, "") {
			d.fail(e.path, n.Line, "%s holds an empty text", key)
		}
	case "max_gen_toks":
		t.MaxGenToks = d.integer(e, n, key, 1, 1<<20)
	case "do_sample":
		if d.boolean(e, n, key) {
			d.fail(e.path, n.Line, "%s must be false: answers are the likeliest tokens, not drawn", key)
		}
	case "temperature":
		if d.number(e, n, key) != 0 {
			d.fail(e.path, n.Line, "%s must be 0: answers are the likeliest tokens, not drawn", key)
		}
	default:
		d.fail(e.path, n.Line, "%s is not supported%s", key, didYouMean(name, []string{"until", "max_gen_toks", "do_sample", "temperature"}))
		return
	}
	t.Arguments = append(t.Arguments, name)
}

func didYouMean(word string, candidates []string) string {
	if best := spell.Nearest(word, candidates); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}
