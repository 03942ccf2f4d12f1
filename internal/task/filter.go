package task

import "regexp"

// Invalid is what a Filter answers where it finds nothing.
const Invalid = "[invalid]"

// Filter takes the answer out of a generated text: the first or last match of
// a pattern, or what Steps leave of it.
type Filter struct {
	Name    string
	Steps   []Step
	pattern *regexp.Regexp
	last    bool
	// extract, if not nil, finds the answer in a way of its own, of the kind that
	// the reference is; pattern and last then tell of it.
	extract func(text, reference string) (answer string, found bool)
}

// Step is one step of a Filter, by the harness's name of its function: regex,
// remove_whitespace, lowercase or uppercase.
type Step struct {
	Function string
	Pattern  *Pattern // regex: what is looked for
	Index    int      // regex: which match is taken; -1 is the last
	Fallback string   // regex: the answer where there is none
}

// StepFunctions lists the functions of a Step.
func StepFunctions() []string {
	return []string{"regex", "remove_whitespace", "lowercase", "uppercase"}
}

func (s Step) apply(text string) string {
	switch s.Function {
	case "regex":
		found, ok := s.Pattern.Find(text, s.Index)
		if !ok {
			found = s.Fallback
		}
		return strip(found)
	case "remove_whitespace":
		return strip(text)
	case "lowercase":
		return lower(text)
	case "uppercase":
		return upper(text)
	}
	panic("task: no filter function " + s.Function)
}

// Apply returns the match's first group that is not empty, stripped, or
// Invalid.
func (f Filter) Apply(text, reference string) string {
	if f.Steps != nil {
		for _, s := range f.Steps {
			text = s.apply(text)
		}
		return text
	}
	if f.extract != nil {
		if answer, found := f.extract(text, reference); found {
			return answer
		}
		return Invalid
	}
	matches := f.pattern.FindAllStringSubmatch(text, -1)
	if len(matches) == 0 {
		return Invalid
	}
	match := matches[0]
	if f.last {
		match = matches[len(matches)-1]
	}
	for _, group := range match[1:] {
		if group != "" {
			return strip(group)
		}
	}
	return Invalid
}

// Source returns what finds the answer ("regex", or the filter's own name where a
// pattern is not all of it), the pattern, and the index (0 or -1) of the match it
// takes.
func (f Filter) Source() (function, pattern string, index int) {
	function = "regex"
	if f.extract != nil {
		function = f.Name
	}
	if f.last {
		index = -1
	}
	return function, f.pattern.String(), index
}
