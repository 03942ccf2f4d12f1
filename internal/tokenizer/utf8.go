package tokenizer

import (
	"strings"
	"unicode/utf8"
)

const replacement = "\uFFFD"

// repair replaces each maximal ill-formed sequence of a.text by U+FFFD.
func repair(a aligned) aligned {
	if utf8.ValidString(a.text) {
		return a
	}
	w := newRewriter(a, len(a.text))
	eachSequence(a.text, func(i, j int, valid bool) {
		if valid {
			w.keep(i, j)
		} else {
			w.put(replacement, i, j)
		}
	})
	return w.done()
}

// lossy is repair for plain text: Rust's String::from_utf8_lossy.
func lossy(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	eachSequence(text, func(i, j int, valid bool) {
		if valid {
			out.WriteString(text[i:j])
		} else {
			out.WriteString(replacement)
		}
	})
	return out.String()
}

func eachSequence(text string, visit func(i, j int, valid bool)) {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		valid := r != utf8.RuneError || n > 1
		if !valid {
			n = illFormed(text[i:])
		}
		visit(i, i+n, valid)
		i += n
	}
}

// illFormed returns the length of the maximal subpart of an ill-formed sequence
// at the start of s (Unicode 15, section 3.9, table 3-7): as much of it as could
// begin a character, at least one byte.
func illFormed(s string) int {
	more, low, high := 0, byte(0x80), byte(0xBF) // continuation bytes; range of the first
	switch b := s[0]; {
	case b >= 0xC2 && b <= 0xDF:
		more = 1
	case b == 0xE0:
		more, low = 2, 0xA0
	case b == 0xED:
		more, high = 2, 0x9F
	case b >= 0xE1 && b <= 0xEF:
		more = 2
	case b == 0xF0:
		more, low = 3, 0x90
	case b >= 0xF1 && b <= 0xF3:
		more = 3
	case b == 0xF4:
		more, high = 3, 0x8F
	}
	n := 1
	for n <= more && n < len(s) && s[n] >= low && s[n] <= high {
		low, high = 0x80, 0xBF
		n++
	}
	return n
}
