package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stablelora/stablelora/internal/spell"
)

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func fieldByKey(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("yaml") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func keysOf(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("yaml")
	}
	return keys
}

// isSection tells whether values of t have keys of their own.
func isSection(t reflect.Type) bool { return t.Kind() == reflect.Struct && t != typeTargets }

// toMap turns a struct into the nested maps that viper merges.
func toMap(v reflect.Value) map[string]any {
	m := map[string]any{}
	for i, key := range keysOf(v.Type()) {
		f := v.Field(i)
		switch {
		case isSection(f.Type()):
			m[key] = toMap(f)
		case f.Kind() == reflect.Slice && isSection(f.Type().Elem()):
			items := make([]any, f.Len())
			for j := range items {
				items[j] = toMap(f.Index(j))
			}
			m[key] = items
		case f.Kind() != reflect.Pointer: // a nil pointer is the absence of a value
			m[key] = f.Interface()
		}
	}
	return m
}

// itemDefaults is where an item of a list of sections starts.
func itemDefaults(t reflect.Type) map[string]any {
	if t == reflect.TypeFor[DataFile]() {
		return toMap(reflect.ValueOf(defaultDataFile()))
	}
	return toMap(reflect.Zero(t))
}

func overlay(base, over map[string]any) map[string]any {
	maps.Copy(base, over)
	return base
}

// leaves calls fn for every key of c in order with the value in canonical
// form; items of lists of sections have their number in the key.
func leaves(v reflect.Value, key string, fn func(key, value string)) {
	switch {
	case isSection(v.Type()):
		for i, name := range keysOf(v.Type()) {
			leaves(v.Field(i), join(key, name), fn)
		}
	case v.Kind() == reflect.Slice && isSection(v.Type().Elem()):
		for i := range v.Len() {
			leaves(v.Index(i), join(key, strconv.Itoa(i)), fn)
		}
	default:
		text, err := json.Marshal(v.Interface()) // finite numbers, sorted maps
		if err != nil {
			panic(err)
		}
		fn(key, string(text))
	}
}

// nearest returns the full name of the key most like name in section: there,
// or anywhere else if one there is closer. Names that other tools use are known.
func nearest(section, name string) string {
	switch name {
	case "lr":
		return "train.learning_rate"
	case "rank", "lora_r":
		return "lora.r"
	case "lora_alpha":
		return "lora.alpha"
	case "lora_dropout":
		return "lora.dropout"
	case "num_train_epochs", "num_epochs":
		return "train.epochs"
	}
	section = schemaKey(section)
	best, least := "", 1<<30
	var visit func(t reflect.Type, key string)
	visit = func(t reflect.Type, key string) {
		for i, k := range keysOf(t) {
			d := 2*spell.Distance(name, k) + 1
			if key == section {
				d--
			}
			full := join(key, k)
			if d < least {
				best, least = full, d
			}
			child := t.Field(i).Type
			if child.Kind() == reflect.Slice {
				child = child.Elem()
			}
			if isSection(child) {
				visit(child, full)
			}
		}
	}
	visit(reflect.TypeFor[Config](), "")
	return best
}

// schemaKey leaves the numbers of list items out of a key.
func schemaKey(key string) string {
	var parts []string
	for part := range strings.SplitSeq(key, ".") {
		if _, err := strconv.Atoi(part); err != nil {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ".")
}

// kindName says in words what a value of type t is.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	}
	return "a text"
}

// nodeName says in words what was written.
func nodeName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	value := n.Value
	if len(value) > 40 {
		value = strings.ToValidUTF8(value[:40], "") + "..."
	}
	if n.ShortTag() == "!!str" {
		return fmt.Sprintf("the text %q", value)
	}
	return value
}
