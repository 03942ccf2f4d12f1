package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds on what the recursive parser and evaluator are given. Real templates
// have below 20 KB, 5 levels and 5 calls.
const (
	maxSource = 256 << 10
	maxNested = 40  // brackets in a tag, open blocks
	maxTokens = 500 // in a tag
	maxJoins  = 40  // + and ~ in a tag, each of which copies what is before it
	maxCalls  = 10  // of methods in a tag; gonja evaluates each one's object twice
)

// allowedTags are the statements whose behaviour is that of Jinja.
var allowedTags = []string{
	"if", "elif", "else", "endif", "for", "endfor", "set", "endset", "break", "continue", "generation", "endgeneration",
}

// rewriter copies a template, its tags in a form gonja reads rightly: tokens
// separated by one space, no line breaks, strings with simple escapes.
type rewriter struct {
	source  string
	dialect Dialect
	pos     int
	out     strings.Builder
	blocks  int // open if, for, generation
}

// rewrite prepares a template for gonja or says what is not supported.
func rewrite(source string, d Dialect) (string, error) {
	if len(source) > maxSource {
		return "", fmt.Errorf("is longer than %d KiB", maxSource>>10)
	}
	if !utf8.ValidString(source) {
		return "", errors.New("is not UTF-8")
	}
	r := &rewriter{source: source, dialect: d}
	for r.pos < len(source) {
		next := strings.IndexByte(source[r.pos:], '{')
		if next < 0 || r.pos+next+1 >= len(source) {
			break
		}
		r.copy(next)
		var err error
		switch source[r.pos+1] {
		case '#':
			err = r.comment()
		case '{', '%':
			start := r.pos
			if err = r.tag(); err != nil {
				err = fmt.Errorf("line %d: %w", 1+strings.Count(source[:start], "\n"), err)
			}
		default:
			r.copy(1)
		}
		if err != nil {
			return "", err
		}
	}
	r.copy(len(source) - r.pos)
	return r.out.String(), nil
}

// copy copies n bytes as they are.
func (r *rewriter) copy(n int) {
	r.out.WriteString(r.source[r.pos : r.pos+n])
	r.pos += n
}

func (r *rewriter) comment() error {
	n := strings.Index(r.source[r.pos+2:], "#}")
	if n < 0 {
		return errors.New("a comment is not closed")
	}
	r.copy(2 + n + 2)
	return nil
}

// tag copies a {{ }} or {% %}.
func (r *rewriter) tag() error {
	block := r.source[r.pos+1] == '%'
	closer := "}}"
	if block {
		closer = "%}"
	}
	start := r.pos
	r.pos += 2
	if strings.HasPrefix(r.source[r.pos:], "-") || block && strings.HasPrefix(r.source[r.pos:], "+") {
		r.pos++
	}
	open := r.source[start:r.pos]
	tokens, end, err := r.tokens(closer)
	if err == nil {
		err = r.check(block, tokens)
	}
	if err == nil && r.dialect == Task {
		tokens, err = subscripts(tokens)
	}
	if err == nil && r.dialect == Task {
		tokens, err = comparisons(tokens)
	}
	if err != nil {
		return err
	}
	if r.dialect == Task && !block {
		return r.output(open, end, tokens)
	}
	if block && tokens[0].text == "for" {
		tokens = paidLoop(tokens)
	}
	if block && tokens[0].text == "set" {
		if tokens, err = paidSet(tokens); err != nil {
			return err
		}
	}
	r.out.WriteString(open)
	r.writeTokens(tokens)
	r.write("", end)
	return nil
}

// write writes texts with a space between them.
func (r *rewriter) write(texts ...string) { r.out.WriteString(strings.Join(texts, " ")) }

func (r *rewriter) writeTokens(tokens []token) {
	for _, t := range tokens {
		r.write("", t.text)
	}
}

// check refuses what gonja misreads or what could run away.
func (r *rewriter) check(block bool, tokens []token) error {
	if !block && len(tokens) == 0 {
		return errors.New("there is nothing between {{ and }}")
	}
	if block {
		if len(tokens) == 0 || !slices.Contains(allowedTags, tokens[0].text) {
			name := ""
			if len(tokens) > 0 {
				name = tokens[0].text
			}
			return fmt.Errorf("the statement {%% %s %%} is not supported", name)
		}
		switch tokens[0].text {
		case "if", "for", "generation":
			r.blocks++
		case "endif", "endfor", "endgeneration":
			r.blocks--
		}
		if r.blocks > maxNested {
			return fmt.Errorf("more than %d statements inside one another are not supported", maxNested)
		}
	}
	calls, depth, joins := 0, 0, 0
	for i, t := range tokens {
		var before token
		if i > 0 {
			before = tokens[i-1]
		}
		switch {
		case t.kind == word && t.text == "if" && depth > 0:
			return errors.New("a conditional expression (… if … else …) inside brackets is not supported")
		case t.kind == word && t.text == "recursive" && tokens[0].text == "for":
			return errors.New("a recursive loop is not supported")
		case t.text == "*" || t.text == "**" || r.dialect == Task && (t.text == "//" || t.text == "%"):
			return fmt.Errorf("the operator %s is not supported", t.text)
		case t.text == "%" && before.kind == quoted:
			return errors.New("formatting with % is not supported")
		case t.kind != operator:
		case t.text == "+" || t.text == "~":
			joins++
		case t.text == "(":
			depth++
			if i > 1 && before.kind == word && tokens[i-2].text == "." {
				calls++
			}
			if before.text == ")" && before.kind == operator {
				return errors.New("calling the result of brackets is not supported")
			}
		case t.text == "[" || t.text == "{":
			depth++
		case strings.Contains(")]}", t.text):
			depth--
		}
	}
	if calls > maxCalls || joins > maxJoins || len(tokens) > maxTokens {
		return fmt.Errorf("more than %d method calls, %d additions or %d words in one tag are not supported", maxCalls, maxJoins, maxTokens)
	}
	return nil
}
