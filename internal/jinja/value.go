package jinja

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// Dict is a dictionary that keeps its order.
type Dict = exec.Dict

// NewDict makes a dictionary of names and values, one after the other.
func NewDict(pairs ...any) *Dict {
	d := &Dict{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Pairs = append(d.Pairs, &exec.Pair{Key: exec.AsValue(pairs[i]), Value: exec.AsValue(pairs[i+1])})
	}
	return d
}

// each goes over a list, or over a dictionary with its values. gonja's own way looks
// up each key by going over all of them.
func each(v *exec.Value, fn func(i int, item, value *exec.Value) bool) {
	d, ok := v.Interface().(*Dict)
	if !ok {
		v.Iterate(func(i, _ int, item, value *exec.Value) bool { return fn(i, item, value) }, func() {})
		return
	}
	for i, p := range d.Pairs {
		if !fn(i, p.Key, p.Value) {
			return
		}
	}
}

// Str is Python's str of a value.
func Str(v any) string {
	text, err := str(exec.AsValue(v))
	if err != nil {
		panic(err) // no value of a document is undefined
	}
	return text
}

// FromJSON returns the values of an object's fields as Python has them.
func FromJSON(raw json.RawMessage) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := fromJSON(d)
	if err != nil {
		return nil, err
	}
	object, ok := v.(*Dict)
	if !ok {
		return nil, fmt.Errorf("it must be a JSON object")
	}
	fields := map[string]any{}
	for _, p := range object.Pairs {
		fields[p.Key.String()] = p.Value.Interface()
	}
	return fields, nil
}

func fromJSON(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case nil:
		return None{}, nil
	case json.Number:
		return number(token.String())
	case json.Delim:
		items := List{}
		for d.More() {
			v, err := fromJSON(d)
			if err != nil {
				return nil, err
			}
			items = append(items, v)
		}
		if _, err := d.Token(); err != nil {
			return nil, err
		}
		if token == '{' {
			return NewDict(items...), nil
		}
		return items, nil
	default: // a text or a truth value
		return token, nil
	}
}

// number is an int, or with a point or an exponent a float64.
func number(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		return strconv.ParseFloat(text, 64)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("the whole number %.40s is too large", text)
	}
	return n, nil
}
