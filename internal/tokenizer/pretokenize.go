package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// preTokenizer cuts normalized text into the words that BPE works on.
type preTokenizer interface {
	// prepare changes the text before it is cut.
	prepare(aligned) aligned
	// next returns the end of the word that begins at text[i].
	next(text string, i int) int
}

// wholeText makes one word of the text.
type wholeText struct{}

func (wholeText) prepare(a aligned) aligned       { return a }
func (wholeText) next(text string, i int) (e int) { return len(text) }

// byteLevel cuts by one of the scanners.
type byteLevel struct{ scan func(text string, i int) int }

func (byteLevel) prepare(a aligned) aligned     { return a }
func (b byteLevel) next(text string, i int) int { return b.scan(text, i) }

// metaspace writes spaces as replacement and puts one in front.
type metaspace struct {
	replacement string
	scheme      string // "always", "never", or "first": only at the original text's start
	split       bool   // before each replacement; else the text is one word
}

func (m metaspace) prepare(a aligned) aligned {
	a = replace(" ", m.replacement)(a)
	wanted := m.scheme == "always" || m.scheme == "first" && a.atStart()
	if wanted && !strings.HasPrefix(a.text, m.replacement) {
		a = prepend(m.replacement)(a)
	}
	return a
}

func (m metaspace) next(text string, i int) int {
	if !m.split {
		return len(text)
	}
	_, n := utf8.DecodeRuneInString(text[i:])
	if end := strings.Index(text[i+n:], m.replacement); end >= 0 {
		return i + n + end
	}
	return len(text)
}
