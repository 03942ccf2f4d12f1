package task

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// isSpace is Python's str.isspace for one code point: Go's white space and the
// four separators \x1c to \x1f.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// TrimSpaceRight is Python's str.rstrip.
func TrimSpaceRight(s string) string { return strings.TrimRightFunc(s, isSpace) }

func strip(s string) string { return strings.TrimFunc(s, isSpace) }

func lower(s string) string { return cases.Lower(language.Und).String(s) }

func upper(s string) string { return cases.Upper(language.Und).String(s) }

// capitalize is Python's str.capitalize: the first code point in title case,
// all others in lower case, with full case mappings.
func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	first := s[:n]
	// The rest is lowered in the context of the whole: a sigma after the first
	// letter may be a final one.
	return cases.Title(language.Und).String(first) + lower(s)[len(lower(first)):]
}

// asciiDigits writes every decimal digit of Unicode as 0 to 9, as Python's int and
// float read them. They come in runs of ten.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsDigit(r) {
			return r
		}
		n := rune(0)
		for unicode.IsDigit(r - n - 1) {
			n++
		}
		return '0' + n%10
	}, s)
}

var bracketed = regexp.MustCompile(`\[.*?\]`)

// cleanHellaSwag removes the marks of WikiHow texts, as the harness does:
// a removed bracket leaves the spaces around it.
func cleanHellaSwag(s string) string {
	s = strip(s)
	s = strings.ReplaceAll(s, " [title]", ". ")
	s = bracketed.ReplaceAllString(s, "")
	return strings.ReplaceAll(s, "  ", " ")
}
