package taskfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/stablelora/stablelora/internal/jinja"
	"github.com/stablelora/stablelora/internal/task"
)

// wording makes items of documents.
type wording struct {
	kind                      task.Kind
	text, target, description *source
	choice                    *source
	choices                   []string // doc_to_choice as a list; nil where choice is set
}

func (d *definition) wording(e entry) {
	if e.key == "doc_to_choice" && e.value.Kind != yaml.ScalarNode {
		d.listedChoices(e)
		return
	}
	s := &source{key: e.key}
	if e.key == "doc_to_target" && e.value.Kind == yaml.ScalarNode && e.value.ShortTag() == "!!int" {
		s.number, s.isNumber = d.integer(e, e.value, e.key, 0, 1<<20), true
	} else {
		text, ok := d.text(e, e.value, e.key)
		if !ok {
			return
		}
		template, err := jinja.Compile(text, jinja.Task)
		if err != nil {
			d.fail(e.path, e.line, "%s: %v", e.key, err)
			return
		}
		s.text, s.template = text, template
	}
	switch w := &d.words; e.key {
	case "doc_to_text":
		w.text, d.task.DocToText = s, s.text
	case "doc_to_target":
		w.target, d.task.DocToTarget = s, s.text
	case "doc_to_choice":
		w.choice, d.task.DocToChoice = s, s.text
	case "description":
		w.description = s
	}
}

// listedChoices reads a list of choices, or a section, whose values they are.
func (d *definition) listedChoices(e entry) {
	n := e.value
	if n.Kind == yaml.MappingNode {
		values := &yaml.Node{Kind: yaml.SequenceNode, Line: n.Line}
		for i := 1; i < len(n.Content); i += 2 {
			values.Content = append(values.Content, n.Content[i])
		}
		n = values
	}
	d.words.choices = d.texts(e, n, e.key)
}

// word makes the item of a document.
func (w wording) word(raw json.RawMessage) (task.Item, error) {
	doc, err := jinja.FromJSON(raw)
	if err != nil {
		return task.Item{}, err
	}
	text, err := w.text.value(doc)
	if err != nil {
		return task.Item{}, err
	}
	target, err := w.target.value(doc)
	if err != nil {
		return task.Item{}, err
	}
	if _, isList := target.(jinja.List); isList {
		return task.Item{}, errors.New("doc_to_target gives a list; several right answers are not supported")
	}
	it := task.Item{Target: jinja.Str(target)}
	if w.description != nil {
		v, err := w.description.value(doc)
		if err != nil {
			return task.Item{}, err
		}
		it.Lead = jinja.Str(v)
	}
	context, isText := text.(string)
	it.Contexts = []string{context}
	switch {
	case w.kind == task.Choice:
		return it, w.choose(&it, doc, text, target)
	case !isText:
		return it, fmt.Errorf("doc_to_text gives %.60s, which is no text", jinja.Str(text))
	case w.kind == task.Likelihood:
		if _, ok := target.(string); !ok || it.Target == "" {
			return it, fmt.Errorf("doc_to_target gives %.60q, but what is measured must be a text", it.Target)
		}
		it.Choices = []string{it.Target}
	}
	return it, nil
}

// choose adds choices and the right one's index. A text that is a number makes
// the choices contexts, and the target what follows each of them.
func (w wording) choose(it *task.Item, doc map[string]any, text, target any) error {
	choices, err := w.choiceTexts(doc)
	if err != nil {
		return err
	}
	it.Choices = choices
	if i := slices.Index(choices, ""); i >= 0 {
		return fmt.Errorf("choice %d is empty", i+1)
	}
	if n, ok := whole(text); ok {
		it.Contexts, it.Gold = choices, n
		if n < 0 || n >= len(choices) {
			return fmt.Errorf("doc_to_text gives choice %d, counted from 0, of %d", n, len(choices))
		}
		return nil
	}
	if _, ok := text.(string); !ok {
		return fmt.Errorf("doc_to_text gives %.60s, which is no text", jinja.Str(text))
	}
	n, ok := whole(target)
	if !ok {
		if n = slices.Index(choices, it.Target); n < 0 {
			return fmt.Errorf("doc_to_target gives the text %.60q, which is none of the choices; one that counts from 0 must be a number, as {{label}} makes it", it.Target)
		}
	}
	if n < 0 || n >= len(choices) {
		return fmt.Errorf("doc_to_target gives choice %d, counted from 0, of %d", n, len(choices))
	}
	it.Gold = n
	return nil
}

func (w wording) choiceTexts(doc map[string]any) ([]string, error) {
	if w.choice == nil {
		return w.choices, nil
	}
	v, err := w.choice.value(doc)
	if err != nil {
		return nil, err
	}
	list, ok := v.(jinja.List)
	if !ok || len(list) == 0 {
		return nil, fmt.Errorf("doc_to_choice gives %.60s, which is no list of choices", jinja.Str(v))
	}
	var choices []string
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			return nil, fmt.Errorf("doc_to_choice gives %.60s among the choices, which is no text", jinja.Str(item))
		}
		choices = append(choices, s)
	}
	return choices, nil
}

// whole is a value as a whole number.
func whole(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}
