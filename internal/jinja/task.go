package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// output writes a {{ }} of the Task dialect: what it holds is put through the
// filter str, and a conditional expression becomes statements. open and end are
// the tag's own marks.
func (r *rewriter) output(open, end string, tokens []token) error {
	before, condition, after, err := conditional(tokens)
	switch {
	case err != nil:
		return err
	case condition == nil:
		r.write(open, "(")
		r.writeTokens(tokens)
		r.write(") | str", end)
		return nil
	}
	r.write("{%"+strings.TrimPrefix(open, "{{"), "if")
	r.writeTokens(condition)
	r.out.WriteString(" %}")
	if err := r.output("{{", "}}", before); err != nil {
		return err
	}
	r.out.WriteString("{% else %}")
	if err := r.output("{{", "}}", after); err != nil {
		return err
	}
	r.write("{% endif", strings.Replace(end, "}}", "%}", 1))
	return nil
}

// conditional takes a if c else b apart; condition is nil where there is none.
func conditional(tokens []token) (before, condition, after []token, err error) {
	depth, at := 0, -1
	for i, t := range tokens {
		switch {
		case t.opens():
			depth++
		case t.closes():
			depth--
		case depth > 0 || t.kind != word:
		case t.text == "if" && at < 0:
			at = i
		case t.text == "else" && at >= 0:
			return tokens[:at], tokens[at+1 : i], tokens[i+1:], nil
		}
	}
	if at >= 0 {
		return nil, nil, nil, errors.New("a conditional expression needs an else")
	}
	return tokens, nil, nil, nil
}

// itemName is the function that subscripts are written with.
const itemName = "__item"

// subscripts writes each s[i] as a call of item: gonja counts a string's bytes,
// and some lists' negative indexes wrongly. Slices stay.
func subscripts(tokens []token) ([]token, error) {
	type bracket struct {
		start, open int // of a subscript: where what it is of begins, and the bracket
		slice       bool
	}
	var out []token
	var stack []bracket
	for i, t := range tokens {
		switch {
		case t.opens():
			b := bracket{start: -1}
			if t.text == "[" && i > 0 && tokens[i-1].ends() {
				b.start, b.open = primary(out), len(out)
			}
			stack = append(stack, b)
		case t.kind == operator && t.text == ":" && len(stack) > 0:
			stack[len(stack)-1].slice = true
		case t.closes():
			if len(stack) == 0 {
				return nil, fmt.Errorf("%s closes no bracket", t.text)
			}
			b := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if b.start >= 0 && !b.slice {
				object, index := slices.Clone(out[b.start:b.open]), slices.Clone(out[b.open+1:])
				out = append(out[:b.start], token{word, itemName}, token{operator, "("})
				out = append(append(append(out, object...), token{operator, ","}), index...)
				t.text = ")"
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// Functions that == and != are written with.
const (
	equalName   = "__equal"
	unequalName = "__unequal"
)

// compared is a part of a tag between commas, keywords and the like.
type compared struct {
	start int  // where its last operand begins
	call  bool // of equalName or unequalName, not yet closed
	once  bool // a comparison was seen
}

// comparisons writes each a == b as a call of equal: to gonja, 1 is not True. What
// Jinja compares in a chain, as 0 < a < 3, gonja would compare pair by pair.
func comparisons(tokens []token) ([]token, error) {
	var out []token
	parts := []compared{{}} // one for each open bracket
	for i, t := range tokens {
		var before, after token
		if i > 0 {
			before = tokens[i-1]
		}
		if i+1 < len(tokens) {
			after = tokens[i+1]
		}
		part := &parts[len(parts)-1]
		end := t.closes() || t.kind == operator && strings.Contains(",:=", t.text)
		compares := t.kind == operator && slices.Contains([]string{"==", "!=", "<", ">", "<=", ">="}, t.text)
		switch {
		case t.kind != word || before.text == "." || before.text == "|":
		case t.text == "in":
			compares = before.text != "is" && tokens[0].text != "for" // a test; of a loop
		case t.text == "not":
			end = before.text != "is" && after.text != "in"
		default:
			end = t.text != "is" && slices.Contains(keywords, t.text)
		}
		switch {
		case compares && part.once:
			return nil, fmt.Errorf("comparisons in a row (… %s …) are not supported; put and between them", t.text)
		case compares:
			part.once = true
			if name := map[string]string{"==": equalName, "!=": unequalName}[t.text]; name != "" {
				out = slices.Insert(out, part.start, token{word, name}, token{operator, "("})
				t.text, part.call = ",", true
			}
		case end && part.call:
			out = append(out, token{operator, ")"})
		}
		out = append(out, t)
		switch {
		case t.opens():
			parts = append(parts, compared{start: len(out)})
		case t.closes():
			parts = parts[:len(parts)-1]
		case end:
			*part = compared{start: len(out)}
		}
	}
	if parts[0].call {
		out = append(out, token{operator, ")"})
	}
	return out, nil
}

// primary returns where the value that ends the tokens begins: a.b(c)[d].e.
func primary(tokens []token) int {
	i := len(tokens) - 1
	for {
		if tokens[i].closes() {
			depth := 0
			for ; i > 0; i-- {
				if tokens[i].closes() {
					depth++
				} else if tokens[i].opens() {
					depth--
				}
				if depth == 0 {
					break
				}
			}
			if i > 0 && tokens[i].text != "{" && tokens[i-1].ends() { // a call, or a slice
				i--
				continue
			}
		}
		if i < 2 || tokens[i-1].kind != operator || tokens[i-1].text != "." {
			return i
		}
		i -= 2
	}
}
