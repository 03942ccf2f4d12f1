package taskfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The getters below read an entry's value, or a part of it that key names, and
// note a problem where it is of another type.

func (r *reader) text(e entry, n *yaml.Node, key string) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		if _, isBool := yaml11Bool[strings.ToLower(n.Value)]; isBool && n.Style == 0 {
			r.fail(e.path, n.Line, `%s: the harness reads a bare %s as true or false; put it in quotes`, key, n.Value)
			return "", false
		}
		return n.Value, true
	}
	r.fail(e.path, n.Line, "%s must be a text, not %s; put it in quotes if it is meant as one", key, shown(n))
	return "", false
}

// Texts that are truth values or numbers in YAML 1.1, Python's, unless quoted.
var (
	yaml11Bool = map[string]bool{"yes": true, "no": false, "on": true, "off": false}
	base60     = regexp.MustCompile(`^[-+]?([1-9][0-9_]*(:[0-5]?[0-9])+|[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*)$`)
)

func (r *reader) texts(e entry, n *yaml.Node, key string) []string {
	if n.Kind != yaml.SequenceNode {
		r.fail(e.path, n.Line, "%s must be a list of texts, not %s", key, shown(n))
		return nil
	}
	var all []string
	for _, child := range n.Content {
		if s, ok := r.text(e, child, key); ok {
			all = append(all, s)
		}
	}
	return all
}

func (r *reader) boolean(e entry, n *yaml.Node, key string) bool {
	var b bool
	if n.Kind != yaml.ScalarNode || n.Decode(&b) != nil {
		r.fail(e.path, n.Line, "%s must be true or false, not %s", key, shown(n))
	}
	return b
}

func (r *reader) integer(e entry, n *yaml.Node, key string, least, most int) int {
	var i int
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&i) != nil || i < least || i > most {
		r.fail(e.path, n.Line, "%s must be a whole number from %d to %d, not %s", key, least, most, shown(n))
		return least
	}
	return i
}

func (r *reader) number(e entry, n *yaml.Node, key string) float64 {
	var f float64
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode || tag != "!!int" && tag != "!!float" || n.Decode(&f) != nil {
		r.fail(e.path, n.Line, "%s must be a number, not %s", key, shown(n))
	}
	return f
}

// section calls fn for each key of a mapping.
func (r *reader) section(e entry, n *yaml.Node, key string, fn func(name string, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(e.path, n.Line, "%s must be a section, not %s", key, shown(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if seen[name] {
			r.fail(e.path, n.Content[i].Line, "%s.%s is given twice", key, name)
			continue
		}
		seen[name] = true
		fn(name, n.Content[i+1])
	}
}

// list calls fn for each item of a list.
func (r *reader) list(e entry, n *yaml.Node, key string, fn func(item *yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		r.fail(e.path, n.Line, "%s must be a list, not %s", key, shown(n))
		return
	}
	for _, item := range n.Content {
		fn(item)
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func shown(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() == "!!str" {
		return fmt.Sprintf("the text %.60q", n.Value)
	}
	return fmt.Sprintf("%.60s", n.Value)
}

// toJSON writes a plain value as JSON, the keys in their order, as Python reads it.
func toJSON(n *yaml.Node) (json.RawMessage, error) {
	var out []byte
	switch n.Kind {
	case yaml.MappingNode:
		out = append(out, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, err := json.Marshal(n.Content[i].Value)
			if err != nil {
				return nil, err
			}
			value, err := toJSON(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			out = append(append(append(append(out, comma(i)...), key...), ':'), value...)
		}
		return append(out, '}'), nil
	case yaml.SequenceNode:
		out = append(out, '[')
		for i, child := range n.Content {
			value, err := toJSON(child)
			if err != nil {
				return nil, err
			}
			out = append(append(out, comma(i)...), value...)
		}
		return append(out, ']'), nil
	}
	return scalarJSON(n)
}

func comma(i int) string {
	if i > 0 {
		return ","
	}
	return ""
}

func scalarJSON(n *yaml.Node) (json.RawMessage, error) {
	var v any = n.Value
	switch n.ShortTag() {
	case "!!str":
		if b, ok := yaml11Bool[strings.ToLower(n.Value)]; ok && n.Style == 0 {
			v = b
		} else if n.Style == 0 && base60.MatchString(n.Value) {
			return nil, fmt.Errorf("the harness reads a bare %.40s as a number of base 60; put it in quotes", n.Value)
		}
	case "!!null":
		v = nil
	case "!!bool", "!!int":
		if err := n.Decode(&v); err != nil {
			return nil, err
		}
	case "!!float":
		var f float64
		if err := n.Decode(&f); err != nil {
			return nil, err
		}
		text, err := json.Marshal(f) // what is not finite is no JSON
		if err == nil && !strings.ContainsAny(string(text), ".e") {
			text = append(text, ".0"...) // a float, as Python tells them apart
		}
		return text, err
	}
	return json.Marshal(v)
}
