package data

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// record is one JSON object, its values not yet read.
type record struct {
	raw    json.RawMessage
	fields map[string]json.RawMessage
}

// readRecord reads an object and gives its fields the names of the format:
// columns maps them to the file's.
func readRecord(raw json.RawMessage, columns map[string]string) (record, error) {
	r := record{raw: raw}
	if err := json.Unmarshal(raw, &r.fields); err != nil {
		return r, fmt.Errorf("the record is not a JSON object: %w", err)
	}
	if len(columns) == 0 {
		return r, nil
	}
	renamed := maps.Clone(r.fields)
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		v, ok := r.fields[columns[name]]
		if !ok {
			return r, fmt.Errorf("columns takes %s from %q, which this record lacks; its fields are: %s", name, columns[name], r.names())
		}
		renamed[name] = v
	}
	var err error
	r.fields = renamed
	r.raw, err = json.Marshal(renamed)
	return r, err
}

func (r record) has(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		v, ok := r.fields[name]
		return !ok || string(v) == "null"
	})
}

func (r record) names() string {
	const most = 50
	names := slices.Sorted(maps.Keys(r.fields))
	if n := len(names) - most; n > 0 {
		names = append(names[:most:most], fmt.Sprintf("and %d more", n))
	}
	return fmt.Sprintf("%.4000s", strings.Join(names, ", "))
}

// need checks that all fields a format requires are there.
func (r record) need(names ...string) error {
	if r.has(names...) {
		return nil
	}
	return fmt.Errorf("it needs the fields %s; found are: %s", strings.Join(names, ", "), r.names())
}

// texts reads fields that must be texts; one that is absent or null is "".
func (r record) texts(names ...string) ([]string, error) {
	values := make([]string, len(names))
	for i, name := range names {
		if !r.has(name) {
			continue
		}
		if err := json.Unmarshal(r.fields[name], &values[i]); err != nil {
			return nil, fmt.Errorf("field %s must be a text, not %s", name, jsonKind(r.fields[name]))
		}
	}
	return values, nil
}

func jsonKind(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a truth value"
	case '"':
		return "a text"
	case 'n':
		return "null"
	}
	return "a number"
}
