package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// aligned is text on its way through the pipeline together with where in the
// original each of its characters comes from.
type aligned struct {
	text string
	base int // start == nil: text is original[base : base+len(text)]
	// Original byte range of the characters that each byte of text stands for.
	start, end []int
}

func (a aligned) slice(i, j int) aligned {
	if a.start == nil {
		return aligned{text: a.text[i:j], base: a.base + i}
	}
	return aligned{text: a.text[i:j], start: a.start[i:j], end: a.end[i:j]}
}

// token makes a token of text[i:j], widened to whole original characters.
func (a aligned) token(id int32, i, j int) Token {
	if a.start != nil {
		return Token{ID: id, Start: a.start[i], End: a.end[j-1]}
	}
	for i > 0 && !utf8.RuneStart(a.text[i]) {
		i--
	}
	for j < len(a.text) && !utf8.RuneStart(a.text[j]) {
		j++
	}
	return Token{ID: id, Start: a.base + i, End: a.base + j}
}

// atStart tells whether the text begins where the original begins.
func (a aligned) atStart() bool {
	if a.start == nil {
		return a.base == 0
	}
	return len(a.start) > 0 && a.start[0] == 0
}

// rewriter builds a changed copy of src.
type rewriter struct {
	src        aligned
	text       strings.Builder
	start, end []int
}

func newRewriter(src aligned, sizeHint int) *rewriter {
	w := &rewriter{src: src, start: make([]int, 0, sizeHint), end: make([]int, 0, sizeHint)}
	w.text.Grow(sizeHint)
	return w
}

// keep copies src.text[i:j], whole valid characters.
func (w *rewriter) keep(i, j int) {
	w.text.WriteString(w.src.text[i:j])
	if w.src.start != nil {
		w.start = append(w.start, w.src.start[i:j]...)
		w.end = append(w.end, w.src.end[i:j]...)
		return
	}
	for i < j {
		_, n := utf8.DecodeRuneInString(w.src.text[i:j])
		w.mark(n, w.src.base+i, w.src.base+i+n)
		i += n
	}
}

// put writes s in the place of src.text[i:j], j > i.
func (w *rewriter) put(s string, i, j int) {
	w.text.WriteString(s)
	if w.src.start != nil {
		w.mark(len(s), w.src.start[i], w.src.end[j-1])
	} else {
		w.mark(len(s), w.src.base+i, w.src.base+j)
	}
}

func (w *rewriter) mark(n, start, end int) {
	for range n {
		w.start = append(w.start, start)
		w.end = append(w.end, end)
	}
}

func (w *rewriter) done() aligned {
	return aligned{text: w.text.String(), start: w.start, end: w.end}
}
