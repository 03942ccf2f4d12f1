package taskfile

import (
	"encoding/json"

	"go.yaml.in/yaml/v3"

	"github.com/stablelora/stablelora/internal/task"
)

// sample is a document of fewshot_config.samples.
type sample struct {
	raw  json.RawMessage
	path string
	line int
}

// dataset reads dataset_kwargs: data_files, a section of splits and files, or
// one file, which is the split train.
func (d *definition) dataset(e entry) {
	d.section(e, e.value, e.key, func(name string, n *yaml.Node) {
		switch {
		case name != "data_files":
			d.fail(e.path, n.Line, "dataset_kwargs.%s is not supported; data_files is", name)
		case n.Kind == yaml.ScalarNode:
			d.dataFile(e, n, "train")
		default:
			d.section(e, n, "dataset_kwargs.data_files", func(split string, n *yaml.Node) { d.dataFile(e, n, split) })
		}
	})
}

func (d *definition) dataFile(e entry, n *yaml.Node, split string) {
	key := "dataset_kwargs.data_files." + split
	if n.Kind == yaml.SequenceNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	if n.Kind == yaml.SequenceNode {
		d.fail(e.path, n.Line, "%s must name one file; join several into one", key)
	} else if path, ok := d.text(e, n, key); ok {
		d.files[split] = beside(e.path, path)
	}
}

func (d *definition) fewshot(e entry) {
	d.section(e, e.value, e.key, func(name string, n *yaml.Node) {
		key := "fewshot_config." + name
		switch {
		case isNull(n):
		case name == "sampler":
			sampler, ok := d.text(e, n, key)
			d.task.Own.FirstN = sampler == "first_n"
			if ok && sampler != "first_n" && sampler != "default" {
				d.fail(e.path, n.Line, "%s must be default or first_n, not %.60q", key, sampler)
			}
		case name == "split":
			d.splits["fewshot_split"] = entry{key, n, e.path, n.Line}
			d.text(e, n, key)
		case name == "samples":
			d.sampled = true
			d.list(e, n, key, func(n *yaml.Node) {
				raw, err := toJSON(n)
				if err != nil || n.Kind != yaml.MappingNode {
					d.fail(e.path, n.Line, "%s must be a list of documents, each a section of fields", key)
					return
				}
				d.samples = append(d.samples, sample{raw, e.path, n.Line})
			})
		default:
			text := didYouMean(name, []string{"sampler", "samples", "split"})
			d.fail(e.path, n.Line, "%s is not supported%s", key, text)
		}
	})
}

// split returns the split a key names; "" for none.
func (d *definition) split(key string) string {
	if e, ok := d.splits[key]; ok {
		return e.value.Value
	}
	return ""
}

// sources says where documents and few-shot examples come from, as the harness
// chooses them. A split whose file is not named gets it from elsewhere.
func (d *definition) sources() {
	t := d.task
	test, validation, train, shown := d.split("test_split"), d.split("validation_split"), d.split("training_split"), d.split("fewshot_split")
	evaluated := test
	if evaluated == "" {
		evaluated = validation
	}
	if evaluated == "" {
		d.fail(d.path, 0, "it names neither test_split nor validation_split, so there is nothing to evaluate")
	}
	t.Own.Path = d.files[evaluated]
	// The harness compares the two names, both of which may be missing.
	t.DrawsExtra = shown == test
	if shown == "" && d.sampled {
		return
	}
	d.samples = nil
	for _, split := range []string{shown, train, validation, test} {
		if split != "" {
			t.Own.FewshotPath = d.files[split]
			break
		}
	}
	if len(d.files) == 0 {
		return
	}
	for _, key := range []string{"test_split", "validation_split", "training_split", "fewshot_split"} {
		if split := d.split(key); split != "" && d.files[split] == "" && (split == evaluated || key == "fewshot_split") {
			e := d.splits[key]
			d.fail(e.path, e.line, "%s: dataset_kwargs.data_files has no %q", e.key, split)
		}
	}
}

// examples words the samples.
func (d *definition) examples() {
	for _, s := range d.samples {
		it, err := d.task.Parse(s.raw)
		if err != nil {
			d.fail(s.path, s.line, "fewshot_config.samples: %v", err)
			return
		}
		d.task.Own.Samples = append(d.task.Own.Samples, task.Example{Raw: s.raw, Item: it})
	}
	if n := d.numFewshot; len(d.samples) > 0 && n > len(d.samples) {
		d.fail(d.path, 0, "num_fewshot is %d, but fewshot_config.samples holds %d", n, len(d.samples))
	}
}
