package tokenizer

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

type normalizer func(aligned) aligned

// prepend puts s before a non-empty text; it belongs to the first character.
func prepend(s string) normalizer {
	return func(a aligned) aligned {
		if a.text == "" {
			return a
		}
		_, n := utf8.DecodeRuneInString(a.text)
		w := newRewriter(a, len(s)+len(a.text))
		w.put(s, 0, n)
		w.keep(0, len(a.text))
		return w.done()
	}
}

// replace writes with in the place of every old.
func replace(old, with string) normalizer {
	return func(a aligned) aligned {
		count := strings.Count(a.text, old)
		if count == 0 {
			return a
		}
		w := newRewriter(a, len(a.text)+count*(len(with)-len(old)))
		i := 0
		for {
			n := strings.Index(a.text[i:], old)
			if n < 0 {
				w.keep(i, len(a.text))
				return w.done()
			}
			w.keep(i, i+n)
			i += n + len(old)
			w.put(with, i-len(old), i)
		}
	}
}

// nfc is Unicode normalization form C. A sequence of characters that it changes
// is aligned as a whole: its result carries all of it. Hugging Face's tables are
// of an older Unicode: out-of-order marks encoded since (U+0D3B, U+0EBA) differ.
func nfc(a aligned) aligned {
	if norm.NFC.IsNormalString(a.text) {
		return a
	}
	w := newRewriter(a, len(a.text))
	for i := 0; i < len(a.text); {
		j := i + norm.NFC.PropertiesString(a.text[i:]).Size()
		for j < len(a.text) {
			p := norm.NFC.PropertiesString(a.text[j:])
			if p.BoundaryBefore() {
				break
			}
			j += p.Size()
		}
		segment := a.text[i:j]
		if composed := compose(segment); composed == segment {
			w.keep(i, j)
		} else {
			w.put(composed, i, j)
		}
		i = j
	}
	return w.done()
}

// compose normalizes one segment (starter and what follows it up to the next
// boundary). x/text does so itself up to 30 combining characters; above, it
// inserts U+034F as the Stream-Safe Text Format asks, which plain NFC does not.
func compose(segment string) string {
	if len(segment) <= 30 {
		return norm.NFC.String(segment)
	}
	type char struct {
		r   rune
		ccc uint8
	}
	var chars []char
	for _, r := range segment {
		for _, d := range norm.NFD.String(string(r)) {
			chars = append(chars, char{d, norm.NFD.PropertiesString(string(d)).CCC()})
		}
	}
	for i := 0; i < len(chars); { // canonical ordering (UAX 15, D109)
		j := i + 1
		for j < len(chars) && chars[j].ccc != 0 {
			j++
		}
		marks := chars[i:j]
		if chars[i].ccc == 0 {
			marks = chars[i+1 : j]
		}
		slices.SortStableFunc(marks, func(a, b char) int { return int(a.ccc) - int(b.ccc) })
		i = j
	}
	out := chars[:0] // canonical composition (D117)
	starter := -1
	for _, c := range chars {
		if starter >= 0 && (starter == len(out)-1 || out[len(out)-1].ccc < c.ccc) {
			pair := norm.NFC.String(string(out[starter].r) + string(c.r))
			if r, n := utf8.DecodeRuneInString(pair); n == len(pair) {
				out[starter].r = r
				continue
			}
		}
		if c.ccc == 0 {
			starter = len(out)
		}
		out = append(out, c)
	}
	var b strings.Builder
	for _, c := range out {
		b.WriteRune(c.r)
	}
	return b.String()
}
