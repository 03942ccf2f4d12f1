package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// fields is one document, its values not yet read. An error of a getter stays
// in state, so that a parser reads all it needs and looks once.
type fields struct {
	values map[string]json.RawMessage
	*state
}

type state struct {
	err           error
	label, wanted string // the field of the label with its value, and what it may be
}

func readFields(raw json.RawMessage) (fields, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return fields{}, fmt.Errorf("a document must be a JSON object: %w", err)
	}
	return fields{values, &state{}}, nil
}

// has says whether all the fields are there and not null.
func (f fields) has(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		v, ok := f.values[name]
		return !ok || string(v) == "null"
	})
}

// object returns the fields inside a field.
func (f fields) object(name string) fields {
	inner := fields{nil, f.state}
	f.read(name, &inner.values, "an object")
	return inner
}

func (f fields) isObject(name string) bool { return f.begins(name, '{') }

func (f fields) isList(name string) bool { return f.begins(name, '[') }

func (f fields) begins(name string, c byte) bool {
	return len(f.values[name]) > 0 && f.values[name][0] == c
}

func (f fields) text(name string) string {
	var s string
	f.read(name, &s, "a text")
	return s
}

func (f fields) texts(name string) []string {
	var s []string
	f.read(name, &s, "a list of texts")
	return s
}

// label returns a text, number or truth value as text.
func (f fields) label(name string) string {
	var v any
	f.read(name, &v, "a label")
	text := ""
	switch v := v.(type) {
	case string:
		text = v
	case bool:
		text = strconv.FormatBool(v)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		f.fail(fmt.Errorf("field %s must be a text or a number", name))
	}
	f.state.label = fmt.Sprintf("%s %q", name, text)
	return text
}

// number is the index that a label counting from first (0 or 1) gives; -1 if
// it is no number.
func (f fields) number(name string, first int) int {
	gold := number(f.label(name), first)
	f.wanted = fmt.Sprintf("a number from %d", first)
	return gold
}

// oneOf is the index of a label among names; -1 if it is none of them.
func (f fields) oneOf(name string, names ...string) int {
	key := strings.TrimLeftFunc(f.label(name), isSpace)
	f.wanted = "one of " + strings.Join(names, ", ")
	return slices.Index(names, key)
}

func (f fields) read(name string, into any, what string) {
	if err := json.Unmarshal(f.values[name], into); err != nil {
		f.fail(fmt.Errorf("field %s must be %s", name, what))
	}
}

func (f fields) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// missing is the error for a document of no known form.
func (f fields) missing(needed string) error {
	var found []string
	for name := range f.values {
		found = append(found, name)
	}
	slices.Sort(found)
	return fmt.Errorf("it needs the fields %s; found are: %s", needed, strings.Join(found, ", "))
}

// choices checks and returns a parsed multiple-choice item.
func (f fields) choices(context string, choices []string, gold int) (Item, error) {
	if f.err != nil {
		return Item{}, f.err
	}
	if len(choices) < 2 {
		return Item{}, errors.New("it needs two choices at least")
	}
	if i := slices.Index(choices, ""); i >= 0 {
		return Item{}, fmt.Errorf("choice %d is empty", i+1)
	}
	if gold < 0 || gold >= len(choices) {
		return Item{}, f.noChoice(len(choices))
	}
	return Item{Contexts: []string{context}, Choices: choices, Gold: gold}, nil
}

// noChoice is the error for a label that names no choice.
func (f fields) noChoice(n int) error {
	if strings.HasSuffix(f.state.label, ` ""`) {
		return errors.New("its label is empty, as in test sets whose answers are kept back; take another split")
	}
	return fmt.Errorf("its label names none of the %d choices: it has %s, but needs %s", n, f.state.label, f.wanted)
}

// number reads a label that counts from first (0 or 1); -1 if it is none.
func number(label string, first int) int {
	n, err := strconv.Atoi(label)
	if err != nil {
		return -1
	}
	return n - first
}

var errNoBlank = errors.New(`its sentence has no blank "_"`)
