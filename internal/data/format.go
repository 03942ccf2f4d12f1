package data

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/task"
	"github.com/stablelora/stablelora/internal/taskfile"
)

// passage is the text of one record and the byte ranges a model is to learn.
type passage struct {
	text    string
	learned []span
}

// span is a half-open range.
type span struct{ start, end int }

func pair(prompt, completion string) passage {
	text := prompt + completion
	return passage{text, []span{{len(prompt), len(text)}}}
}

// format is one way of writing records.
type format struct {
	name   string
	fields []string   // all it knows
	signs  [][]string // auto takes the format where all fields of one of these are there
	parse  func(r record) (passage, error)
}

// formats returns every format in the order in which auto tries them: first
// those with the more telling fields.
func (e *encoder) formats() []format {
	return []format{
		{"chat", []string{"messages"}, [][]string{{"messages"}}, e.parseChat},
		written("prompt_completion", []string{"prompt", "completion"}, "", func(v []string) string { return v[0] }),
		written("llm_adapters", []string{"instruction", "output"}, "answer", func(v []string) string { return task.LLMAdaptersPrompt(v[0], v[2]) }),
		written("alpaca", []string{"instruction", "output"}, "", func(v []string) string { return task.AlpacaPrompt(v[0], v[2]) }),
		written("metamath", []string{"query", "response"}, "", func(v []string) string { return task.MetaMathPrompt(v[0]) }),
		ofTask("hellaswag", "hellaswag", []string{"activity_label", "ctx", "ctx_a", "ctx_b", "endings", "label"},
			[]string{"activity_label", "endings"}),
		ofTask("piqa", "piqa", []string{"goal", "sol1", "sol2", "label"}, []string{"goal", "sol1", "sol2"}),
		ofTask("winogrande", "winogrande", []string{"sentence", "option1", "option2", "answer"}, []string{"sentence", "option1", "option2"}),
		ofTask("boolq", "boolq", []string{"passage", "question", "label", "answer"}, []string{"passage", "question"}),
		ofTask("social_iqa", "social_iqa", []string{"context", "question", "answerA", "answerB", "answerC", "label", "options", "answer"},
			[]string{"context", "question", "answerA"}, []string{"context", "question", "options"}),
		ofTask("openbookqa", "openbookqa", []string{"question_stem", "question", "choices", "answerKey", "query", "gold"},
			[]string{"question_stem", "choices"}),
		ofTask("arc", "arc_easy", []string{"question", "choices", "answerKey", "query", "gold"}, []string{"question", "answerKey"}),
		ofTask("gsm8k", "gsm8k", []string{"question", "answer"}, []string{"question", "answer"}),
		written("text", []string{"text"}, "", func([]string) string { return "" }),
	}
}

// written is a format whose records hold the texts themselves. The last of the
// needed fields is the completion; prompt makes the prompt of the needed fields
// and, behind them, the field input, which may be missing. Records that have
// sign too, if it is not "", are what auto looks for.
func written(name string, needed []string, sign string, prompt func(values []string) string) format {
	completion := needed[len(needed)-1]
	f := format{name: name, fields: slices.Clone(needed), signs: [][]string{slices.Clone(needed)}}
	if needed[0] == "instruction" {
		f.fields = append(f.fields, "input")
	}
	if sign != "" {
		f.fields = append(f.fields, sign)
		f.signs[0] = append(f.signs[0], sign)
	}
	f.parse = func(r record) (passage, error) {
		err := r.need(needed...)
		var values []string
		if err == nil {
			values, err = r.texts(append(slices.Clone(needed), "input")...)
		}
		if err != nil {
			return passage{}, fmt.Errorf("not a record of format %s: %w", name, err)
		}
		if values[len(needed)-1] == "" {
			return passage{}, fmt.Errorf("its %s is empty, so there is nothing to learn", completion)
		}
		return pair(prompt(values), values[len(needed)-1]), nil
	}
	return f
}

// ofTask is the format of an evaluation task: its context is the prompt, its
// delimiter and right answer are the completion.
func ofTask(name, taskName string, fields []string, signs ...[]string) format {
	t, ok := task.Lookup(taskName)
	if !ok {
		panic("data: no task " + taskName)
	}
	return worded(name, t, fields, signs...)
}

func worded(name string, t *task.Task, fields []string, signs ...[]string) format {
	return format{name, fields, signs, func(r record) (passage, error) {
		item, err := t.Parse(r.raw)
		if err != nil {
			return passage{}, err
		}
		if strings.TrimPrefix(item.Completion(), t.TargetDelimiter) == "" {
			return passage{}, errors.New("its answer is empty, so there is nothing to learn")
		}
		return pair(item.Lead+item.Context(), item.Completion()), nil
	}}
}

// named finds the format that a file's settings name.
func (e *encoder) named(f config.DataFile) (format, error) {
	if config.IsTaskFile(f.Format) {
		t, err := taskfile.Load(f.Format)
		if err != nil {
			return format{}, err
		}
		return worded(f.Format, t, nil), nil
	}
	for _, format := range e.formats() {
		if format.name != f.Format {
			continue
		}
		for field := range f.Columns {
			if !slices.Contains(format.fields, field) {
				return format, fmt.Errorf("columns: format %s has no field %q; it has %s",
					f.Format, field, strings.Join(format.fields, ", "))
			}
		}
		return format, nil
	}
	return format{}, fmt.Errorf("format must be one of %s, not %q", strings.Join(config.Formats(), ", "), f.Format)
}

// detect chooses the format by a record's fields, among those that have the
// fields columns names, and returns the fields that told.
func (e *encoder) detect(r record, columns map[string]string) (format, []string, error) {
	for _, format := range e.formats() {
		fits := true
		for field := range columns {
			fits = fits && slices.Contains(format.fields, field)
		}
		for _, sign := range format.signs {
			if fits && r.has(sign...) {
				return format, sign, nil
			}
		}
	}
	return format{}, nil, fmt.Errorf("no format fits the record, whose fields are: %s; name one with format, and columns where the fields have other names", r.names())
}
