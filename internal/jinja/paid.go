package jinja

import (
	"errors"
	"slices"
)

// paidLoop writes {% for x in object if condition %} with the object through
// filterEach.
func paidLoop(tokens []token) []token {
	from := slices.Index(tokens, token{word, "in"})
	if from < 0 {
		return tokens // gonja says what is wrong
	}
	end := len(tokens)
	depth := 0
	for i, t := range tokens {
		switch {
		case t.opens():
			depth++
		case t.closes():
			depth--
		case depth == 0 && t == (token{word, "if"}):
			end = min(end, i)
		}
	}
	if end <= from {
		return tokens
	}
	return slices.Concat(tokens[:from+1], filtered(tokens[from+1:end], filterEach), tokens[end:])
}

// paidSet writes {% set target = value %} with the value through filterKeep or
// filterPut, and a set without a value as statementCapture.
func paidSet(tokens []token) ([]token, error) {
	at := slices.Index(tokens, token{operator, "="})
	target := tokens[1:]
	if at > 0 {
		target = tokens[1:at]
	}
	names := len(target)%2 == 1
	for i, t := range target {
		names = names && (i%2 == 0 && t.kind == word || i%2 == 1 && t.text == ".")
	}
	switch {
	case !names:
		return nil, errors.New("only a name, or an attribute of a namespace, can be set")
	case at < 0 && len(target) > 1:
		return nil, errors.New("only a name can be set to a block")
	case at < 0:
		return append([]token{{word, statementCapture}}, target...), nil
	}
	filter := []token{{word, filterKeep}}
	if len(target) > 1 {
		object := target[:len(target)-2]
		filter = slices.Concat([]token{{word, filterPut}, {operator, "("}}, object, []token{{operator, ")"}})
	}
	value, condition, otherwise, err := conditional(tokens[at+1:])
	if err != nil {
		return nil, err
	}
	out := append(slices.Clone(tokens[:at+1]), filteredBy(value, filter)...)
	if condition != nil {
		out = slices.Concat(out, []token{{word, "if"}}, condition, []token{{word, "else"}}, filteredBy(otherwise, filter))
	}
	return out, nil
}

func filtered(tokens []token, name string) []token {
	return filteredBy(tokens, []token{{word, name}})
}

func filteredBy(tokens, filter []token) []token {
	return slices.Concat([]token{{operator, "("}}, tokens, []token{{operator, ")"}, {operator, "|"}}, filter)
}
