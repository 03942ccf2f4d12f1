package task

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/stablelora/stablelora/internal/regex"
)

// Pattern is a regular expression of Python's re. It runs on Go's regexp, whose
// time is linear in the text, and which knows neither look-around nor
// back-references; what would match differently is refused by CompilePattern,
// but for \b and \B, whose words are ASCII ones here.
type Pattern struct {
	source string
	re     *regexp.Regexp
	tail   bool // the last group holds the newline that a final $ looks over
}

// CompilePattern reads a pattern of Python's.
func CompilePattern(python string) (*Pattern, error) {
	tr := translator{rest: python}
	if err := tr.translate(); err != nil {
		return nil, fmt.Errorf("the pattern %q: %w", python, err)
	}
	re, err := regex.Compile(tr.out.String())
	if err != nil {
		return nil, fmt.Errorf("the pattern %q is not supported: %w", python, err)
	}
	return &Pattern{python, re, tr.tail}, nil
}

func mustPattern(python string) *Pattern {
	p, err := CompilePattern(python)
	if err != nil {
		panic(err)
	}
	return p
}

// Source is the pattern as Python has it.
func (p *Pattern) Source() string { return p.source }

// Find returns what stands at index (-1: the last) of re.findall's list: the
// match, its group where there is one, or the first of several that is not
// empty. ok is false where there is no such match or all its groups are empty.
func (p *Pattern) Find(text string, index int) (found string, ok bool) {
	matches := p.re.FindAllStringSubmatch(text, -1)
	if index < 0 {
		index += len(matches)
	}
	if index < 0 || index >= len(matches) {
		return "", false
	}
	match := matches[index]
	if p.tail {
		last := len(match) - 1
		match[0] = strings.TrimSuffix(match[0], match[last])
		match = match[:last]
	}
	if len(match) <= 2 {
		return match[len(match)-1], true
	}
	for _, group := range match[1:] {
		if group != "" {
			return group, true
		}
	}
	return "", false
}

// Delete is re.sub of every match by nothing.
func (p *Pattern) Delete(text string) string {
	if p.tail {
		return p.re.ReplaceAllString(text, fmt.Sprintf("${%d}", p.re.NumSubexp()))
	}
	return p.re.ReplaceAllLiteralString(text, "")
}

// MatchesNothing says whether the pattern can match the empty text. Python finds
// such a match also right behind another, Go does not.
func (p *Pattern) MatchesNothing() bool { return p.re.MatchString("") }

// What Python's classes hold, in Go's brackets.
var classes = map[byte]string{'d': `\p{Nd}`, 'w': `\p{L}\p{N}_`, 's': `\t-\r\x1c-\x20\x{85}\p{Z}`}

// translator writes a pattern of Python's in Go's syntax.
type translator struct {
	rest    string
	out     strings.Builder
	inClass bool
	lines   bool // the flag m was seen
	tail    bool
}

func (tr *translator) take(n int) {
	tr.out.WriteString(tr.rest[:n])
	tr.rest = tr.rest[n:]
}

func (tr *translator) translate() error {
	if !utf8.ValidString(tr.rest) {
		return errors.New("it is not UTF-8")
	}
	for tr.rest != "" {
		switch c := tr.rest[0]; {
		case c == '\\':
			if err := tr.escape(); err != nil {
				return err
			}
		case tr.inClass:
			if strings.HasPrefix(tr.rest, "[:") {
				return errors.New("[: inside brackets is not supported; write \\[: there")
			}
			tr.inClass = c != ']'
			tr.take(1)
		case c == '[':
			tr.inClass = true
			tr.take(1)
			for _, first := range []string{"^]", "]", "^"} { // a ] right behind it is meant as one
				if strings.HasPrefix(tr.rest, first) {
					tr.take(len(first))
					break
				}
			}
		case strings.HasPrefix(tr.rest, "{,"):
			tr.out.WriteString("{0,")
			tr.rest = tr.rest[2:]
		case strings.HasPrefix(tr.rest, "(?"):
			if err := tr.group(); err != nil {
				return err
			}
		case c == '$' && !tr.lines:
			if tr.rest != "$" {
				return errors.New("$ is supported at its end only, outside of groups")
			}
			tr.rest, tr.tail = "", true
			tr.out.WriteString(`(\n?)\z`)
		default:
			tr.take(1)
		}
	}
	return nil
}

// group passes over (?: (?P< and flags.
func (tr *translator) group() error {
	end := strings.IndexAny(tr.rest, ":)<=!>")
	flags := tr.rest[2:max(2, end)]
	if strings.Contains(flags, "U") {
		return errors.New("the flag U is none of Python's")
	}
	if end > 0 && (tr.rest[end] == ':' || tr.rest[end] == ')') {
		on, _, _ := strings.Cut(flags, "-")
		tr.lines = tr.lines || strings.Contains(on, "m")
	}
	tr.take(2)
	return nil
}

// escape writes a backslash and what it stands before.
func (tr *translator) escape() error {
	if len(tr.rest) < 2 {
		return errors.New("it ends with a backslash")
	}
	c := tr.rest[1]
	lower := c | 0x20
	class, isClass := classes[lower]
	switch {
	case isClass && tr.inClass && c != lower:
		return fmt.Errorf(`\%c inside brackets is not supported`, c)
	case isClass && tr.inClass:
		tr.out.WriteString(class)
	case isClass && c != lower:
		tr.out.WriteString("[^" + class + "]")
	case isClass:
		tr.out.WriteString("[" + class + "]")
	case c == 'Z':
		tr.out.WriteString(`\z`)
	case c == 'u' && len(tr.rest) >= 6:
		tr.out.WriteString(`\x{` + tr.rest[2:6] + "}")
		tr.rest = tr.rest[6:]
		return nil
	case strings.IndexByte("Abfnrtvxa", c) >= 0, c == 'B' && !tr.inClass:
		if c == 'b' && tr.inClass {
			tr.out.WriteString(`\x08`)
			break
		}
		tr.take(2)
		return nil
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
		return fmt.Errorf(`\%c is not supported`, c)
	case c < utf8.RuneSelf: // itself
		tr.take(2)
		return nil
	default:
		tr.rest = tr.rest[1:]
		return nil
	}
	tr.rest = tr.rest[2:]
	return nil
}
