package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration in bytes; the real ones have a few thousand.
const maxFile = 1 << 20

// source is the YAML tree of a file with the flags' settings put into it. A node's
// Line is a place: in what comes from a flag it is the flag's number, negative.
type source struct {
	path string
	sets []setting
	root *yaml.Node
}

// Flag is a setting "key=value" and the flag it was given with.
type Flag struct{ Name, Text string }

func setFlags(texts []string) []Flag {
	var flags []Flag
	for _, text := range texts {
		flags = append(flags, Flag{"--set", text})
	}
	return flags
}

// setting is a flag with its key.
type setting struct {
	Flag
	key string
}

// where names a place to the user.
func (s *source) where(at place) string {
	switch {
	case at.isSet():
		return s.sets[-at-1].Name + " " + s.sets[-at-1].Text
	case at > 0:
		return fmt.Sprintf("%s:%d", s.path, at)
	}
	return cmp.Or(s.path, "the defaults")
}

// open reads the file, if there is one; its error is final. Problems of flags are
// returned.
func open(path string, flags []Flag) (*source, []problem, error) {
	var data []byte
	if path != "" {
		var err error
		if data, err = readFile(path); err != nil {
			return nil, nil, err
		}
	}
	s := &source{path: path}
	root, line, err := parse(data)
	if err != nil {
		return nil, nil, newError(s, []problem{{place(line), "", err.Error()}})
	}
	s.root = root
	var problems []problem
	for _, flag := range flags {
		key, value, found := strings.Cut(flag.Text, "=")
		key = strings.TrimSpace(key)
		s.sets = append(s.sets, setting{flag, key})
		at := place(-len(s.sets))
		if !found || key == "" {
			problems = append(problems, problem{at, key, "write it as key=value, for example --set lora.r=16"})
			continue
		}
		node, _, err := parse([]byte(value))
		if strings.TrimSpace(value) == "" { // a text, not null: an unset variable of the shell must not bring the default
			node = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str"}
		}
		if err == nil {
			setLine(node, int(at))
			err = put(s.root, strings.Split(key, "."), node)
		}
		if err != nil {
			problems = append(problems, problem{at, key, err.Error()})
		}
	}
	return s, problems, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errorf("%s: there is no such configuration file", path)
	}
	var data []byte
	if err == nil {
		defer f.Close()
		data, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	}
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err
	}
	if err != nil {
		return nil, errorf("%s: the configuration cannot be read: %v", path, err)
	}
	if len(data) > maxFile {
		return nil, errorf("%s: the file is larger than %d bytes, too large for a configuration", path, maxFile)
	}
	return data, nil
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// parse returns the root of one YAML document, a null where there is none. The
// line belongs to an error and may be unknown (0).
func parse(data []byte) (*yaml.Node, int, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if err == io.EOF || err == nil && len(doc.Content) == 0 {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, 0, nil
	}
	if err == nil {
		if err = dec.Decode(&second); err == io.EOF {
			return doc.Content[0], 0, nil
		}
		if err == nil {
			return nil, second.Line, errors.New("a second YAML document begins here; a configuration is one document")
		}
	}
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	return nil, line, fmt.Errorf("not valid YAML: %s", text)
}

func setLine(n *yaml.Node, line int) {
	n.Line = line
	for _, child := range n.Content {
		setLine(child, line)
	}
}

// put replaces what the dotted path leads to, making sections and lists on the
// way where there are none. A number is a place in a list, or its end.
func put(n *yaml.Node, path []string, value *yaml.Node) error {
	if len(path) == 0 {
		*n = *value
		return nil
	}
	head := path[0]
	i, errIndex := strconv.Atoi(head)
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		kind := yaml.MappingNode
		if errIndex == nil {
			kind = yaml.SequenceNode
		}
		*n = yaml.Node{Kind: kind, Line: value.Line}
	}
	missing := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: value.Line}
	switch {
	case n.Kind == yaml.MappingNode:
		for j := 0; j+1 < len(n.Content); j += 2 {
			if n.Content[j].Value == head {
				if len(path) == 1 {
					n.Content[j].Line = value.Line
				}
				return put(n.Content[j+1], path[1:], value)
			}
		}
		key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: head, Line: value.Line}
		n.Content = append(n.Content, key, &missing)
		return put(&missing, path[1:], value)
	case n.Kind == yaml.SequenceNode && errIndex == nil && i >= 0 && i <= len(n.Content):
		if i == len(n.Content) {
			n.Content = append(n.Content, &missing)
		}
		return put(n.Content[i], path[1:], value)
	case n.Kind == yaml.SequenceNode:
		return fmt.Errorf("%q is not a place in the list, which has %d items counted from 0", head, len(n.Content))
	}
	return fmt.Errorf("there is no section to hold %q", head)
}
