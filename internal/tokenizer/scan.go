package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// The patterns of the byte-level families. Go's regexp has no look-ahead, so
// they are recognised by their text and scanned by hand.
const (
	patternQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	// GPT-2: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
)

type class uint8

const (
	other class = iota
	letter
	number
	space
	newline // CR and LF, which are spaces too
)

// classAt returns the class and the size of the character at text[i:], i < len(text).
func classAt(text string, i int) (class, int) {
	if c := text[i]; c < utf8.RuneSelf {
		switch {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			return letter, 1
		case '0' <= c && c <= '9':
			return number, 1
		case c == '\r' || c == '\n':
			return newline, 1
		case c == ' ' || '\t' <= c && c <= '\f':
			return space, 1
		}
		return other, 1
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	switch {
	case unicode.IsLetter(r):
		return letter, n
	case unicode.IsNumber(r):
		return number, n
	case unicode.IsSpace(r):
		return space, n
	}
	return other, n
}

// run returns the end of the run of class k that begins at i.
func run(text string, i int, k class) int {
	for i < len(text) {
		c, n := classAt(text, i)
		if c != k {
			break
		}
		i += n
	}
	return i
}

// scanTiktoken returns the scanner of patternQwen2 (maxDigits 1) or
// patternLlama3 (3): the end of the word that begins at text[i].
func scanTiktoken(maxDigits int) func(text string, i int) int {
	return func(text string, i int) int {
		if end := contraction(text, i, true); end > i {
			return end
		}
		k, n := classAt(text, i)
		switch k {
		case letter:
			return run(text, i+n, letter)
		case number:
			i += n
			for d := 1; d < maxDigits && i < len(text); d++ {
				if k, n = classAt(text, i); k != number {
					break
				}
				i += n
			}
			return i
		case other, space:
			if next := i + n; next < len(text) {
				if k, n := classAt(text, next); k == letter {
					return run(text, next+n, letter)
				}
			}
		}
		if end := punctuation(text, i); end > i {
			return run(text, end, newline)
		}
		return whitespace(text, i, true)
	}
}

// scanGPT2 returns the end of the word that begins at text[i].
func scanGPT2(text string, i int) int {
	if end := contraction(text, i, false); end > i {
		return end
	}
	start := i
	if text[i] == ' ' && i+1 < len(text) {
		start++
	}
	switch k, n := classAt(text, start); k {
	case letter, number:
		return run(text, start+n, k)
	}
	if end := punctuation(text, i); end > i {
		return end
	}
	return whitespace(text, i, false)
}

// contraction matches 's|'t|'re|'ve|'m|'ll|'d at text[i:], or returns i. Folding
// case takes U+017F, the long s, for an s.
func contraction(text string, i int, fold bool) int {
	if text[i] != '\'' {
		return i
	}
	at := func(j int) byte {
		if i+j >= len(text) {
			return 0
		}
		c := text[i+j]
		if fold && 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}
	switch c, d := at(1), at(2); {
	case c == 's' || c == 't' || c == 'm' || c == 'd':
		return i + 2
	case c == 'r' && d == 'e', c == 'v' && d == 'e', c == 'l' && d == 'l':
		return i + 3
	case fold && c == 0xC5 && d == 0xBF:
		return i + 3
	}
	return i
}

// punctuation matches " ?[^\s\p{L}\p{N}]+" at text[i:], or returns i.
func punctuation(text string, i int) int {
	start := i
	if text[i] == ' ' {
		start++
	}
	if end := run(text, start, other); end > start {
		return end
	}
	return i
}

// whitespace matches "\s*[\r\n]+" (if lines), else "\s+(?!\S)", else "\s+" at
// text[i:], which begins with whitespace.
func whitespace(text string, i int, lines bool) int {
	last, afterLine, end := i, 0, i
	for end < len(text) {
		k, n := classAt(text, end)
		if k != space && k != newline {
			break
		}
		last, end = end, end+n
		if k == newline {
			afterLine = end
		}
	}
	switch {
	case lines && afterLine > 0:
		return afterLine
	case end < len(text) && last > i: // leave one for the word that follows
		return last
	}
	return end
}
