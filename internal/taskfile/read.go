package taskfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/fsutil"
)

const (
	maxFile     = 1 << 20 // bytes; real ones have a few thousand
	maxIncludes = 8       // of one another
	maxDepth    = 20      // of lists and sections
	maxProblems = 100
	maxKeys     = 1000
)

// entry is a key of a task file and its value.
type entry struct {
	key   string
	value *yaml.Node
	path  string // of the file it stands in
	line  int
}

// reader collects entries and problems.
type reader struct {
	entries  []entry
	problems []problem
}

type problem struct {
	path string
	line int // 0: of the file as a whole
	text string
}

func (r *reader) fail(path string, line int, format string, args ...any) {
	r.problems = append(r.problems, problem{path, line, fmt.Sprintf(format, args...)})
}

// failed returns the problems as one error, or nil.
func (r *reader) failed() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b problem) int {
		return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(a.line, b.line))
	})
	var lines []string
	for i, p := range r.problems {
		if i == maxProblems {
			lines = append(lines, fmt.Sprintf("and %d more problems", len(r.problems)-i))
			break
		}
		if p.line > 0 {
			p.path = fmt.Sprintf("%s:%d", p.path, p.line)
		}
		lines = append(lines, p.path+": "+p.text)
	}
	return &config.Error{Problems: lines}
}

// file reads the keys of a file, over those of the files it includes.
func (r *reader) file(path string, depth int) {
	root, err := parse(path)
	if err != nil {
		r.fail(path, 0, "%v", err)
		return
	}
	if root.Kind != yaml.MappingNode {
		r.fail(path, root.Line, "a task is a section of keys and values, as task: name")
		return
	}
	if len(root.Content) > 2*maxKeys {
		r.fail(path, root.Line, "a task has no more than %d keys", maxKeys)
		return
	}
	first := map[string]int{}
	var own []entry
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if before, twice := first[key.Value]; twice {
			r.fail(path, key.Line, "%s is given twice, first on line %d", key.Value, before)
			continue
		}
		first[key.Value] = key.Line
		if !r.plain(path, key.Value, value, 0) {
			continue
		}
		if key.Value == "include" {
			r.include(path, value, depth)
			continue
		}
		own = append(own, entry{key.Value, value, path, key.Line})
	}
	for _, e := range own {
		if i := slices.IndexFunc(r.entries, func(old entry) bool { return old.key == e.key }); i >= 0 {
			r.entries[i] = e
		} else {
			r.entries = append(r.entries, e)
		}
	}
}

func (r *reader) include(path string, value *yaml.Node, depth int) {
	switch {
	case value.Kind != yaml.ScalarNode || value.Value == "":
		r.fail(path, value.Line, "include must name one file")
	case depth == maxIncludes:
		r.fail(path, value.Line, "include: files include one another more than %d deep", maxIncludes)
	default:
		r.file(beside(path, value.Value), depth+1)
	}
}

// beside is a path that starts at another file's folder.
func beside(path, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(path), name)
}

func parse(path string) (*yaml.Node, error) {
	data, err := fsutil.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such task file")
	}
	if of := (*fs.PathError)(nil); errors.As(err, &of) {
		err = of.Err
	}
	if err != nil {
		return nil, fmt.Errorf("the task file cannot be read: %w", err)
	}
	var doc, second yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); err != nil || len(doc.Content) == 0 {
		if err == nil || err == io.EOF {
			err = errors.New("it is empty")
		}
		return nil, fmt.Errorf("not valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if d.Decode(&second) != io.EOF {
		return nil, errors.New("a task file is one YAML document")
	}
	return doc.Content[0], nil
}

// plain says whether a value holds no aliases, functions or other tags.
func (r *reader) plain(path, key string, n *yaml.Node, depth int) bool {
	switch {
	case depth > maxDepth:
		r.fail(path, n.Line, "%s: values inside one another more than %d deep", key, maxDepth)
		return false
	case n.Kind == yaml.AliasNode:
		r.fail(path, n.Line, "%s: YAML aliases (*%s) are not supported; write the value out", key, n.Value)
		return false
	case n.Tag == "!function":
		r.fail(path, n.Line, "%s: functions of Python (!function %.60s) are not supported; %s", key, n.Value, insteadOfFunction(key))
		return false
	case strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!"):
		r.fail(path, n.Line, "%s: the YAML tag %.40s is not supported", key, n.Tag)
		return false
	}
	ok := true
	for _, child := range n.Content {
		ok = r.plain(path, key, child, depth+1) && ok
	}
	return ok
}

func insteadOfFunction(key string) string {
	switch key {
	case "process_docs":
		return "put the work into the templates, or write the processed documents to a file"
	case "doc_to_text", "doc_to_target", "doc_to_choice", "description":
		return "write a template"
	}
	return "leave the key out"
}
