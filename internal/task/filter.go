package task

import "regexp"

// Invalid is what a Filter answers where it finds nothing.
const Invalid = "[invalid]"

var (
	hashNumber = regexp.MustCompile(`#### (\-?[0-9\.\,]+)`)
	anyNumber  = regexp.MustCompile(`(-?[$0-9.,]{2,})|(-?[0-9]+)`)

	// What exact_match deletes from both sides, in this order, with what stays.
	// Python's $ also matches before a final newline, Go's does not.
	ignored = []struct {
		pattern *regexp.Regexp
		keep    string
	}{
		{regexp.MustCompile(`,`), ""},
		{regexp.MustCompile(`\$`), ""},
		{regexp.MustCompile(`(?s).*#### `), ""},
		{regexp.MustCompile(`\.(\n?)$`), "${1}"},
	}
)

// Filter takes the answer out of a generated text: the first or last match of
// a pattern.
type Filter struct {
	Name    string
	pattern *regexp.Regexp
	last    bool
	// extract, if not nil, finds the answer in a way of its own, of the kind that
	// the reference is; pattern and last then tell of it.
	extract func(text, reference string) (answer string, found bool)
}

// Apply returns the match's first group that is not empty, stripped, or
// Invalid.
func (f Filter) Apply(text, reference string) string {
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

// ExactMatch compares a filtered answer with the reference as the GSM8K tasks
// do: without commas, dollar signs, a final dot and whatever stands before
// "#### ", whatever the case.
func ExactMatch(answer, reference string) bool {
	return normalise(answer) == normalise(reference)
}

func normalise(s string) string {
	for _, r := range ignored {
		s = r.pattern.ReplaceAllString(s, r.keep)
	}
	return lower(s)
}
