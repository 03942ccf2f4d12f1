package taskfile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/jinja"
	"github.com/stablelora/stablelora/internal/spell"
)

// source is what a doc_to_… key holds: the name of a field, a template, or a
// number.
type source struct {
	key      string
	text     string
	number   int
	isNumber bool
	numbers  bool // a rendered number is one: there are choices
	template *jinja.Template
}

var identifier = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// value is what the key gives for a document, as the harness's method of its
// name: a field as it is; a template's text, which may stand for a number or a
// list.
func (s *source) value(doc map[string]any) (any, error) {
	if s.isNumber {
		return s.number, nil
	}
	if v, ok := doc[s.text]; ok {
		return v, nil
	}
	if identifier.MatchString(s.text) && s.key != "description" {
		return nil, fmt.Errorf("%s: there is no field %s%s", s.key, s.text, s.fields(doc))
	}
	text, err := s.template.Render(doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", s.key, err, s.fields(doc))
	}
	return s.meaning(text)
}

// meaning reads what the harness reads of a rendered text.
func (s *source) meaning(text string) (any, error) {
	switch {
	case s.key == "description":
		return text, nil
	case s.key == "doc_to_choice":
		v, err := jinja.Literal(text)
		if err != nil {
			return nil, fmt.Errorf("doc_to_choice gives %.60q, which is no list in Python's form: %w", text, err)
		}
		return v, nil
	case digits(text) && s.numbers:
		v, err := jinja.Literal(text)
		if err != nil {
			return nil, fmt.Errorf("%s gives %q, which is no number in Python's form", s.key, text)
		}
		return v, nil
	case s.key == "doc_to_target" && strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]"):
		if v, err := jinja.Literal(text); err == nil {
			return v, nil
		}
	}
	return text, nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// maxNames is how many fields an error tells.
const maxNames = 50

// fields is the end of an error's sentence.
func (s *source) fields(doc map[string]any) string {
	names := slices.Sorted(maps.Keys(doc))
	text := ""
	if best := spell.Nearest(s.text, names); identifier.MatchString(s.text) && best != "" {
		text = "; did you mean " + best + "?"
	}
	if n := len(names) - maxNames; n > 0 {
		names = append(names[:maxNames:maxNames], fmt.Sprintf("and %d more", n))
	}
	return fmt.Sprintf("%s; its fields are: %.4000s", text, strings.Join(names, ", "))
}
