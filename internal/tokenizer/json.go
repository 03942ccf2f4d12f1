package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// maxDepth bounds the nesting of the parts of tokenizer.json; every level is
// scanned anew, so unbounded nesting would take quadratic time.
const maxDepth = 12

// node is an object of a JSON file and its path there. Reading a field removes
// it, so that done can refuse what nobody read.
type node struct {
	path   string
	depth  int
	fields map[string]json.RawMessage
	file   *fileState
}

// fileState is shared by all nodes of a file.
type fileState struct {
	err    error // the first one
	growth int   // by how much replacements may lengthen a text, at worst
}

// rootNode reads a file that is one JSON object.
func rootNode(data []byte) (*node, error) {
	n := &node{file: &fileState{growth: 1}}
	return n, json.Unmarshal(data, &n.fields)
}

// fail records an error at a field of n; the file's first one counts.
func (n *node) fail(key, format string, args ...any) {
	if n.file.err == nil {
		n.file.err = fmt.Errorf("%s: %s", n.join(key), fmt.Sprintf(format, args...))
	}
}

func (n *node) join(key string) string {
	switch {
	case n.path == "":
		return key
	case key == "" || key[0] == '[':
		return n.path + key
	}
	return n.path + "." + key
}

// has tells whether a field is there and not null.
func (n *node) has(key string) bool {
	raw, ok := n.fields[key]
	return ok && !bytes.Equal(raw, []byte("null"))
}

// take reads a field of n; fallback if it is missing or null.
func take[T any](n *node, key string, fallback T) T {
	value := fallback
	if n.has(key) {
		if err := json.Unmarshal(n.fields[key], &value); err != nil {
			n.fail(key, "want %T, have %.40s", value, n.fields[key])
		}
	}
	delete(n.fields, key)
	return value
}

// want reads a field that must have one of the values implemented.
func want[T comparable](n *node, key string, fallback T, implemented ...T) T {
	value := take(n, key, fallback)
	if !slices.Contains(implemented, value) {
		n.fail(key, "%#v is not implemented", value)
	}
	return value
}

// object reads a field that is an object.
func (n *node) object(key string) *node {
	child := &node{path: n.join(key), depth: n.depth + 1, file: n.file}
	if child.depth > maxDepth {
		n.fail(key, "is nested too deep")
	} else {
		child.fields = take(n, key, child.fields)
		if child.fields == nil {
			n.fail(key, "is missing")
		}
	}
	return child
}

// list reads a field that is a list of objects.
func (n *node) list(key string) []*node {
	if n.depth >= maxDepth {
		n.fail(key, "is nested too deep")
		return nil
	}
	var children []*node
	for i, fields := range take(n, key, []map[string]json.RawMessage{}) {
		child := &node{fmt.Sprintf("%s[%d]", n.join(key), i), n.depth + 1, fields, n.file}
		if fields == nil {
			child.fail("", "want an object, have null")
		}
		children = append(children, child)
	}
	return children
}

// kind reads the type field.
func (n *node) kind() string { return take(n, "type", "") }

// refuse says that a type, read by kind, is not implemented.
func (n *node) refuse(kind string) {
	n.fail("type", "%q is not implemented", kind)
}

// drop forgets fields that do not change the result.
func (n *node) drop(keys ...string) {
	for _, key := range keys {
		delete(n.fields, key)
	}
}

// done refuses fields that were not read.
func (n *node) done() {
	for _, key := range sortedKeys(n.fields) {
		n.fail(key, "this setting is not implemented")
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
