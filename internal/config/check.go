package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// checker walks the YAML tree beside the types of Config. It collects every
// problem of names and types, and where each key was given.
type checker struct {
	problems []problem
	given    map[string]place
}

var (
	typeTargets = reflect.TypeFor[Targets]()
	typeColumns = reflect.TypeFor[map[string]string]()
)

func (c *checker) fail(at place, key, format string, args ...any) {
	c.problems = append(c.problems, problem{at, key, fmt.Sprintf(format, args...)})
}

// value turns a node into a Go value for type t: map[string]any for a
// struct, []any for a list. Without a value (ok false) the default stays:
// the node is null, or a problem has been noted.
func (c *checker) value(n *yaml.Node, t reflect.Type, at place, key string) (v any, ok bool) {
	if n.Kind == yaml.AliasNode {
		c.fail(at, key, "YAML aliases (*%s) are not supported; write the value out, or put a text that begins with * in quotes", n.Value)
		return nil, false
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return nil, false
	}
	if key != "" {
		c.given[key] = at
	}
	switch {
	case t == typeTargets:
		return c.targets(n, at, key)
	case t == typeColumns:
		return c.columns(n, at, key)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return c.value(n, t.Elem(), at, key)
	case reflect.Struct:
		return c.section(n, t, at, key)
	case reflect.Slice, reflect.Array:
		return c.list(n, t, at, key)
	}
	if n.Kind != yaml.ScalarNode {
		c.fail(at, key, "must be %s, not %s", kindName(t), nodeName(n))
		return nil, false
	}
	v, complaint := scalar(n, t)
	if complaint != "" {
		c.fail(at, key, "%s", complaint)
		return nil, false
	}
	return v, true
}

// section checks the keys of a mapping against the fields of struct t.
func (c *checker) section(n *yaml.Node, t reflect.Type, at place, key string) (any, bool) {
	if n.Kind != yaml.MappingNode {
		c.fail(at, key, "must be a section with the keys %s, not %s", strings.Join(keysOf(t), ", "), nodeName(n))
		return nil, false
	}
	values := map[string]any{}
	c.pairs(n, key, func(name string, child *yaml.Node, at place) {
		full := join(key, name)
		field, ok := fieldByKey(t, name)
		if name == "<<" {
			c.fail(at, full, "YAML merge keys are not supported; write the values out")
			return
		}
		if !ok {
			c.fail(at, full, "unknown key; did you mean %s?", nearest(key, name))
			return
		}
		if v, ok := c.value(child, field.Type, at, full); ok {
			values[name] = v
		}
	})
	return values, true
}

// pairs calls fn for each key of a mapping that is a text and new.
func (c *checker) pairs(n *yaml.Node, key string, fn func(name string, child *yaml.Node, at place)) {
	first := map[string]place{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, at := n.Content[i], place(n.Content[i].Line)
		if name.Kind != yaml.ScalarNode {
			c.fail(at, key, "a key must be a plain word, not %s", nodeName(name))
			continue
		}
		if line, twice := first[name.Value]; twice {
			c.fail(at, join(key, name.Value), "given twice, first on line %d; remove one", line)
			continue
		}
		first[name.Value] = at
		fn(name.Value, n.Content[i+1], at)
	}
}

// maxItems bounds lists; an item of files or tasks takes a thousand bytes.
const maxItems = 10_000

func (c *checker) list(n *yaml.Node, t reflect.Type, at place, key string) (any, bool) {
	if n.Kind != yaml.SequenceNode {
		c.fail(at, key, "must be a list, not %s", nodeName(n))
		return nil, false
	}
	if t.Kind() == reflect.Array && len(n.Content) != t.Len() {
		c.fail(at, key, "must be a list of %d, not of %d", t.Len(), len(n.Content))
		return nil, false
	}
	if len(n.Content) > maxItems {
		c.fail(at, key, "has %d items, more than %d", len(n.Content), maxItems)
		return nil, false
	}
	items := make([]any, 0, len(n.Content))
	for i, child := range n.Content {
		full := join(key, strconv.Itoa(i))
		v, ok := c.value(child, t.Elem(), place(child.Line), full)
		if !ok {
			if child.Kind == yaml.ScalarNode && child.ShortTag() == "!!null" {
				c.fail(place(child.Line), full, "is empty; remove it or give it a value")
			}
			v = reflect.Zero(t.Elem()).Interface()
		}
		if given, ok := v.(map[string]any); ok {
			v = overlay(itemDefaults(t.Elem()), given)
		}
		items = append(items, v)
	}
	return items, true
}

func (c *checker) targets(n *yaml.Node, at place, key string) (any, bool) {
	if n.Kind == yaml.SequenceNode {
		items, ok := c.list(n, reflect.TypeFor[[]string](), at, key)
		if !ok {
			return nil, false
		}
		t := Targets{Names: []string{}}
		for _, item := range items.([]any) {
			t.Names = append(t.Names, item.(string))
		}
		return t, true
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		c.fail(at, key, "must be a list of module names, a regular expression or %s, not %s", AllLinear, nodeName(n))
		return nil, false
	}
	if n.Value == "" {
		c.fail(at, key, "must not be an empty text; write [] for no module")
		return nil, false
	}
	return Targets{Pattern: n.Value}, true
}

func (c *checker) columns(n *yaml.Node, at place, key string) (any, bool) {
	if n.Kind != yaml.MappingNode {
		c.fail(at, key, "must map the format's field names to the file's, as {prompt: question}, not %s", nodeName(n))
		return nil, false
	}
	columns := map[string]string{}
	c.pairs(n, key, func(name string, child *yaml.Node, at place) {
		if v, ok := c.value(child, reflect.TypeFor[string](), at, join(key, name)); ok {
			columns[name] = v.(string)
		}
	})
	return columns, true
}

// scalar reads one value of type t, or says why it is none.
func scalar(n *yaml.Node, t reflect.Type) (v any, complaint string) {
	tag := n.ShortTag()
	number := tag == "!!int" || tag == "!!float"
	switch t.Kind() {
	case reflect.String:
		// A date is a text here: folders are named so.
		if tag == "!!str" || tag == "!!timestamp" {
			if strings.ContainsRune(n.Value, 0) {
				return nil, "must not hold a NUL character"
			}
			return n.Value, ""
		}
		return nil, fmt.Sprintf("must be a text, not %s; put it in quotes if it is meant as one", nodeName(n))
	case reflect.Bool:
		var b bool
		if tag != "!!bool" || n.Decode(&b) != nil {
			return nil, fmt.Sprintf("must be true or false, not %s", nodeName(n))
		}
		return b, ""
	}
	var f float64
	if !number || n.Decode(&f) != nil {
		return nil, fmt.Sprintf("must be %s, not %s", kindName(t), nodeName(n))
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Sprintf("must be a finite number, not %s", nodeName(n))
	}
	if t.Kind() == reflect.Float64 {
		return f, ""
	}
	return integer(n, f, t)
}

// integer reads a whole number; 1e3 and 3.0 are some, 3.9 is not.
func integer(n *yaml.Node, f float64, t reflect.Type) (any, string) {
	if f != math.Trunc(f) {
		return nil, fmt.Sprintf("must be a whole number, not %s", nodeName(n))
	}
	var i int64
	if n.Decode(&i) != nil {
		if i = int64(f); math.Abs(f) > 1<<53 {
			return nil, fmt.Sprintf("%s is too large", nodeName(n))
		}
	}
	if t.Kind() == reflect.Uint64 {
		if i < 0 {
			return nil, fmt.Sprintf("must be at least 0, not %s", nodeName(n))
		}
		return uint64(i), ""
	}
	if i > math.MaxInt32 || i < math.MinInt32 {
		return nil, fmt.Sprintf("%s is too large", nodeName(n))
	}
	return int(i), ""
}
