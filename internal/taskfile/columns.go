package taskfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Columns checks that the documents of a file have the same fields. The harness
// reads a file into a table: it would give a field that a document lacks the
// value None, and where one has a fraction make whole numbers of others
// fractions, so that templates would print 1.0 for 1.
type Columns struct {
	first map[string]json.RawMessage
	kinds map[string]kind
}

// kind is a field's type, and a document that has it.
type kind struct{ name, where string }

// Check compares a document with those before it.
func (c *Columns) Check(where string, raw json.RawMessage) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	if c.first == nil {
		c.first, c.kinds = fields, map[string]kind{}
	}
	for _, name := range slices.Sorted(maps.Keys(c.first)) {
		if _, ok := fields[name]; !ok {
			return fmt.Errorf("the field %s of the first document is missing; give it, if only as null", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := c.first[name]; !ok {
			return fmt.Errorf("the first document has no field %s; give it one, if only as null", name)
		}
		is := kindOf(fields[name])
		if was, ok := c.kinds[name]; ok && is != "null" && was.name != is {
			return fmt.Errorf("the field %s is %s, but %s in %s; write it the same way in all documents", name, is, was.name, was.where)
		}
		if is != "null" {
			c.kinds[name] = kind{is, where}
		}
	}
	return nil
}

func kindOf(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "a truth value"
	case 'n':
		return "null"
	}
	if strings.ContainsAny(string(raw), ".eE") {
		return "a fraction"
	}
	return "a whole number"
}
