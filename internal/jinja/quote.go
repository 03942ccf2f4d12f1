package jinja

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unquote reads the string literal s begins with, as Python does, and returns
// its length in s.
func unquote(s string) (text string, n int, err error) {
	var b strings.Builder
	for i := 1; i < len(s); {
		switch {
		case s[i] == s[0]:
			return b.String(), i + 1, nil
		case s[i] == '\\' && i+1 < len(s):
			size, err := unescape(&b, s[i:])
			if err != nil {
				return "", 0, err
			}
			i += size
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return "", 0, errors.New("a string is not closed")
}

// unescape writes the character that the escape s begins with stands for.
func unescape(b *strings.Builder, s string) (size int, err error) {
	const plain, meaning = `\'"abfnrtv`, "\\'\"\a\b\f\n\r\t\v"
	c := s[1]
	if i := strings.IndexByte(plain, c); i >= 0 {
		b.WriteByte(meaning[i])
		return 2, nil
	}
	switch {
	case c == '\n':
		return 2, nil
	case c >= '0' && c <= '7':
		size = 2
		for size < len(s) && size < 4 && s[size] >= '0' && s[size] <= '7' {
			size++
		}
		code, _ := strconv.ParseUint(s[1:size], 8, 32)
		b.WriteRune(rune(code))
		return size, nil
	case c == 'x' || c == 'u' || c == 'U':
		size = map[byte]int{'x': 4, 'u': 6, 'U': 10}[c]
		if len(s) < size {
			return 0, fmt.Errorf("bad escape %q", s)
		}
		code, err := strconv.ParseUint(s[2:size], 16, 32)
		if err != nil || !utf8.ValidRune(rune(code)) {
			return 0, fmt.Errorf("bad escape %q", s[:size])
		}
		b.WriteRune(rune(code))
		return size, nil
	case c == 'N':
		return 0, errors.New(`the escape \N{…} is not supported`)
	}
	b.WriteByte('\\') // Python keeps what is no escape
	return 1, nil
}

// quote writes a literal that gonja, which reads escapes after the end of the
// literal has been found, takes for text.
func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\x5c`, `'`, `\x27`, `"`, `\x22`, "\n", `\n`, "\r", `\r`).Replace(text) + "'"
}
