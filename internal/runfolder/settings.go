package runfolder

import (
	"errors"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// Setting is a key of config.resolved.yaml, train.learning_rate for example,
// and its value as written there.
type Setting struct{ Key, Value string }

const maxDepth = 20 // of nested keys

// readSettings returns the settings in the file's order.
func readSettings(path string) ([]Setting, error) {
	raw, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var root yaml.Node // nodes, not values: aliases are not expanded
	if err := yaml.Unmarshal(raw, &root); err != nil {
		return nil, fsutil.Input(path, err)
	}
	var all []Setting
	if len(root.Content) == 1 {
		if err := flatten(root.Content[0], "", 0, &all); err != nil {
			return nil, fsutil.Input(path, err)
		}
	}
	return all, nil
}

func flatten(n *yaml.Node, key string, depth int, all *[]Setting) error {
	if depth > maxDepth {
		return errors.New("nests too deep for a configuration")
	}
	join := func(name string) string { return strings.TrimPrefix(key+"."+name, ".") }
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if err := flatten(n.Content[i+1], join(n.Content[i].Value), depth+1, all); err != nil {
				return err
			}
		}
	case yaml.SequenceNode:
		if value, ok := scalars(n); ok {
			*all = append(*all, Setting{key, value})
			return nil
		}
		for i, item := range n.Content {
			if err := flatten(item, join(strconv.Itoa(i)), depth+1, all); err != nil {
				return err
			}
		}
	case yaml.ScalarNode:
		*all = append(*all, Setting{key, n.Value})
	default:
		return errors.New("has a YAML alias, which no run writes")
	}
	return nil
}

// scalars writes a list of plain values as one.
func scalars(n *yaml.Node) (string, bool) {
	var values []string
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			return "", false
		}
		values = append(values, item.Value)
	}
	return "[" + strings.Join(values, ", ") + "]", true
}
