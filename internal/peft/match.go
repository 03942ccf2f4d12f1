package peft

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stablelora/stablelora/internal/regex"
)

// matcher is compiled Targets.
type matcher struct {
	names   []string
	pattern *regexp.Regexp
}

func newMatcher(key string, t Targets) (m matcher, err error) {
	if t.Pattern != "" {
		m.pattern, err = compile(key, t.Pattern, "")
		return m, err
	}
	return matcher{names: t.Names}, nil
}

// match reports whether a module is named, and whether by its full name.
func (m matcher) match(module string) (ok, exact bool) {
	if m.pattern != nil {
		return m.pattern.MatchString(module), false
	}
	if slices.Contains(m.names, module) {
		return true, true
	}
	return slices.ContainsFunc(m.names, func(n string) bool { return endsIn(module, n) }), false
}

func endsIn(module, name string) bool { return strings.HasSuffix(module, "."+name) }

// compile returns pattern as a regular expression for a whole name that may
// begin with prefix: Python's re.fullmatch as far as RE2 goes.
func compile(key, pattern, prefix string) (*regexp.Regexp, error) {
	fail := func(why string) error {
		return fmt.Errorf("%s: the regular expression %.100q cannot be used: %s", key, pattern, why)
	}
	if strings.Contains(pattern, "{,") {
		return nil, fail("write {0,n} for {,n}") // RE2 takes it literally
	}
	if _, err := regex.Compile(pattern); err != nil {
		return nil, fail(strings.TrimPrefix(err.Error(), "error parsing regexp: ") + " (look-around and back-references are not supported)")
	}
	re, err := regex.Compile(`^(?:` + prefix + `(?:` + pattern + `))$`)
	if err != nil {
		return nil, fail(err.Error())
	}
	return re, nil
}

// overridden returns the value of each module as PEFT's get_pattern_key finds it:
// that of the first pattern that matches, or else the given one. One regular
// expression is held at a time, for they may be many times the size of their text.
func overridden[T int | float64](key string, list []Override[T], modules []Module, otherwise T) ([]T, error) {
	values, found := make([]T, len(modules)), make([]bool, len(modules))
	for i := range values {
		values[i] = otherwise
	}
	for _, o := range list {
		re, err := compile(key, o.Pattern, `(?:.*\.)?`)
		if err != nil {
			return nil, err
		}
		for i, m := range modules {
			if !found[i] && re.MatchString(m.Name) {
				values[i], found[i] = o.Value, true
			}
		}
	}
	return values, nil
}

// layerOf finds the layer number in a module's name: its first numbered segment
// behind another one.
func layerOf(module string) (int, bool) {
	segments := strings.Split(module, ".")
	for i := 2; i < len(segments)-1; i++ {
		if n, err := strconv.ParseUint(segments[i], 10, 31); err == nil {
			return int(n), true
		}
	}
	return 0, false
}

// choose returns the modules that the spec adapts, in their order, and the spec
// with targets in the form in which they are saved. Where strict, every name and
// layer must match something.
func choose(s Spec, modules []Module, strict bool) ([]Module, Spec, error) {
	if s.Targets.allLinear() {
		s.Targets = Targets{Names: suffixes(modules)}
	}
	target, err := newMatcher("target_modules", s.Targets)
	if err != nil {
		return nil, s, err
	}
	exclude, err := newMatcher("exclude_modules", s.Exclude)
	if err != nil {
		return nil, s, err
	}
	if err := checkAdaptable(target, exclude); err != nil {
		return nil, s, err
	}
	if strict {
		if err := checkNames(s, modules); err != nil {
			return nil, s, err
		}
	}
	var chosen []Module
	var names []string
	for _, m := range modules {
		ok, exact := target.match(m.Name)
		excluded, _ := exclude.match(m.Name)
		// PEFT does not look at the layer of a module named in full.
		if ok && !excluded && (exact || len(s.Layers) == 0 || inLayers(m.Name, s.Layers)) {
			chosen, names = append(chosen, m), append(names, m.Name)
		}
	}
	if len(chosen) == 0 {
		return nil, s, fmt.Errorf("no module is left to adapt by target_modules %s, exclude_modules %s and layers %v; the model has %s",
			s.Targets, s.Exclude, s.Layers, strings.Join(suffixes(modules), ", "))
	}
	if !s.Exclude.empty() {
		// Older PEFT and other readers do not know exclude_modules; a list of
		// full names says the same.
		s.Targets, s.Exclude, s.Layers = Targets{Names: names}, Targets{}, nil
	}
	s.Targets.Names = slices.Compact(slices.Sorted(slices.Values(s.Targets.Names)))
	return chosen, s, nil
}

func inLayers(module string, layers []int) bool {
	n, ok := layerOf(module)
	return ok && slices.Contains(layers, n)
}

// suffixes lists the last segments of the names of all modules that all-linear
// stands for.
func suffixes(modules []Module) []string {
	var all []string
	for _, m := range modules {
		if s := m.Name[strings.LastIndexByte(m.Name, '.')+1:]; s != outputEmbedding {
			all = append(all, s)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// String is for messages.
func (t Targets) String() string {
	if t.Pattern != "" {
		return strconv.Quote(t.Pattern)
	}
	return "[" + strings.Join(t.Names, ", ") + "]"
}
