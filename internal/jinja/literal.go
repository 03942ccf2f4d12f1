package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// Literal reads a Python literal as ast.literal_eval does: texts, numbers,
// True, False, None, and lists and tuples of them, which both become a List.
func Literal(text string) (any, error) {
	l := literal{rest: strings.TrimLeft(text, " \t")}
	v, err := l.value(0)
	if err == nil && strings.TrimSpace(l.rest) != "" {
		err = fmt.Errorf("%.40q follows it", l.rest)
	}
	return v, err
}

type literal struct{ rest string }

// skip drops white space and, where it comes next, sign.
func (l *literal) skip(sign string) bool {
	l.rest = strings.TrimLeft(l.rest, " \t\r\n\f")
	rest, found := strings.CutPrefix(l.rest, sign)
	l.rest = rest
	return found
}

func (l *literal) value(depth int) (any, error) {
	l.skip("")
	switch {
	case depth > maxNested:
		return nil, errors.New("it is nested too deep")
	case l.rest == "":
		return nil, errors.New("it ends too early")
	case l.rest[0] == '\'' || l.rest[0] == '"':
		return l.text()
	case l.skip("["):
		return l.items("]", depth)
	case l.skip("("):
		return l.items(")", depth)
	}
	end := strings.IndexAny(l.rest, ",]) \t\r\n")
	if end < 0 {
		end = len(l.rest)
	}
	word := l.rest[:end]
	l.rest = l.rest[end:]
	switch word {
	case "True", "False":
		return word == "True", nil
	case "None":
		return None{}, nil
	}
	digits := strings.TrimLeft(word, "+-")
	if digits == "" || strings.Trim(digits, "0123456789.eE+-") != "" || len(digits) > 1 && digits[0] == '0' && strings.Trim(digits, "0") != "" && !strings.ContainsAny(digits, ".eE") {
		return nil, fmt.Errorf("%.40q is no Python literal", word)
	}
	return number(word)
}

// text reads texts that follow one another, which are one.
func (l *literal) text() (any, error) {
	var all strings.Builder
	for l.rest != "" && (l.rest[0] == '\'' || l.rest[0] == '"') {
		text, n, err := unquote(l.rest)
		if err == nil && strings.Contains(l.rest[:n], "\n") {
			err = errors.New("a text goes on over the end of its line")
		}
		if err != nil {
			return nil, err
		}
		all.WriteString(text)
		l.rest = l.rest[n:]
		l.skip("")
	}
	return all.String(), nil
}

// items reads what is between brackets; in round ones, a value without a comma is
// itself.
func (l *literal) items(end string, depth int) (any, error) {
	items, comma := List{}, false
	for !l.skip(end) {
		if len(items) > 0 {
			if comma = l.skip(","); !comma {
				return nil, fmt.Errorf("%.40q is where a comma or %s should be", l.rest, end)
			}
			if l.skip(end) {
				break
			}
		}
		v, err := l.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	if end == ")" && len(items) == 1 && !comma {
		return items[0], nil
	}
	return items, nil
}
