package taskfile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stablelora/stablelora/internal/task"
)

// filter reads an item of filter_list. As answers are one a question, what
// chooses among several changes nothing; the last step must choose.
func (d *definition) filter(e entry) {
	f := task.Filter{Steps: []task.Step{}}
	var steps []*yaml.Node
	d.section(e, e.value, e.key, func(name string, n *yaml.Node) {
		switch name {
		case "name":
			f.Name, _ = d.text(e, n, "filter_list.name")
		case "filter":
			d.list(e, n, "filter_list.filter", func(n *yaml.Node) { steps = append(steps, n) })
		default:
			d.fail(e.path, n.Line, "filter_list.%s is not supported%s", name, didYouMean(name, []string{"name", "filter"}))
		}
	})
	taken := false
	for _, n := range steps {
		s, choosing := d.step(e, n)
		switch {
		case taken:
			d.fail(e.path, n.Line, "filter_list: take_first must be the last function; it leaves one text")
			return
		case choosing:
			taken = s.Function == "take_first"
		default:
			f.Steps = append(f.Steps, s)
		}
	}
	switch {
	case f.Name == "" || strings.ContainsAny(f.Name, ",\n"):
		d.fail(e.path, e.line, "filter_list: each item must have a name, without commas")
	case !taken:
		d.fail(e.path, e.line, "filter_list: %s must end with the function take_first", f.Name)
	case slices.ContainsFunc(d.task.Filters, func(other task.Filter) bool { return other.Name == f.Name }):
		d.fail(e.path, e.line, "filter_list: the name %s is given twice", f.Name)
	default:
		d.task.Filters = append(d.task.Filters, f)
	}
}

// defaultPattern is the one of the harness's filter regex.
const defaultPattern = `#### (\-?[0-9\.\,]+)`

// step reads one function of a filter; choosing says that it chooses among
// answers.
func (d *definition) step(e entry, n *yaml.Node) (s task.Step, choosing bool) {
	pattern := defaultPattern
	s.Fallback = task.Invalid
	var options []string
	d.section(e, n, "filter_list.filter", func(name string, n *yaml.Node) {
		key := "filter_list.filter." + name
		switch name {
		case "function":
			s.Function, _ = d.text(e, n, key)
		case "regex_pattern":
			pattern, _ = d.text(e, n, key)
		case "group_select":
			s.Index = d.integer(e, n, key, -1, 1000)
		case "fallback":
			s.Fallback, _ = d.text(e, n, key)
		}
		if name != "function" {
			options = append(options, name)
		}
	})
	choosers := []string{"take_first", "take_first_k", "majority_vote"}
	choosing = slices.Contains(choosers, s.Function)
	all := append(choosers, task.StepFunctions()...)
	allowed := map[string][]string{"regex": {"regex_pattern", "group_select", "fallback"}, "take_first_k": {"k"}}[s.Function]
	for _, o := range options {
		if !slices.Contains(allowed, o) {
			d.fail(e.path, n.Line, "filter_list: the function %s takes no %s%s", s.Function, o, didYouMean(o, allowed))
		}
	}
	switch {
	case !slices.Contains(all, s.Function):
		d.fail(e.path, n.Line, "filter_list: the function %q is not supported; there are %s%s", s.Function, strings.Join(all, ", "), didYouMean(s.Function, all))
	case s.Function == "regex":
		s.Pattern = d.pattern(e, n, "filter_list.filter.regex_pattern", pattern)
		if s.Pattern != nil && s.Index != 0 && s.Pattern.MatchesNothing() {
			d.fail(e.path, n.Line, "filter_list: with group_select, the pattern %q must not match the empty text", pattern)
		}
	}
	return s, choosing
}
