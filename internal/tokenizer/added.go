package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// addedToken is an entry of added_tokens.
type addedToken struct {
	id         int32
	content    string
	singleWord bool // matches only between characters that are not \w
	lstrip     bool // takes the whitespace before it
	rstrip     bool // takes the whitespace after it
	normalized bool // matches normalized text
	special    bool
}

// maxAdded is the longest added token in bytes; finding them takes, at worst,
// that many steps for each byte of a text.
const maxAdded = 1 << 10

// addedTrie finds added tokens in a text, leftmost first and the longest of
// those that begin at the same place, however many they are.
type addedTrie struct {
	first [256]bool
	next  map[edge]int32
	token map[int32]*addedToken // by the node where its pattern ends
}

type edge struct {
	node int32
	b    byte
}

// insert adds a pattern; it reports false when the pattern is there already.
func (v *addedTrie) insert(pattern string, token *addedToken) bool {
	if v.next == nil {
		v.next, v.token = map[edge]int32{}, map[int32]*addedToken{}
	}
	v.first[pattern[0]] = true
	node := int32(0)
	for i := range len(pattern) {
		e := edge{node, pattern[i]}
		child, ok := v.next[e]
		if !ok {
			child = int32(len(v.next) + 1)
			v.next[e] = child
		}
		node = child
	}
	if v.token[node] != nil {
		return false
	}
	v.token[node] = token
	return true
}

// longest returns the longest token at the start of text and its length.
func (v *addedTrie) longest(text string) (token *addedToken, length int) {
	node, ok := int32(0), false
	for i := range len(text) {
		if node, ok = v.next[edge{node, text[i]}]; !ok {
			break
		}
		if t := v.token[node]; t != nil {
			token, length = t, i+1
		}
	}
	return token, length
}

// split hands over text in parts: an added token's id and its place, or -1 and
// the text between. Nothing is handed over for empty parts.
func (v *addedTrie) split(text string, emit func(id int32, i, j int)) {
	done := 0
	for i := 0; i < len(text); {
		if !v.first[text[i]] {
			i++
			continue
		}
		t, n := v.longest(text[i:])
		if t == nil {
			i++
			continue
		}
		start, stop := i, i+n
		i = stop
		if t.singleWord && (endsInWord(text[:start]) || startsWithWord(text[stop:])) {
			continue
		}
		if t.lstrip {
			start = done + len(strings.TrimRightFunc(text[done:start], unicode.IsSpace))
		}
		if t.rstrip {
			stop = len(text) - len(strings.TrimLeftFunc(text[stop:], unicode.IsSpace))
			i = stop
		}
		if done < start {
			emit(-1, done, start)
		}
		emit(t.id, start, stop)
		done = stop
	}
	if done < len(text) {
		emit(-1, done, len(text))
	}
}

func startsWithWord(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && isWord(r)
}

func endsInWord(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && isWord(r)
}

// isWord is \w of Unicode regular expressions (UTS 18, annex C).
func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) ||
		unicode.In(r, unicode.Nl, unicode.Other_Alphabetic, unicode.Pc, unicode.Join_Control)
}
