package jinja

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	operator kind = iota
	word
	quoted
)

type token struct {
	kind kind
	text string
}

// tokens reads up to the closing mark of a tag, which it returns with its sign.
func (r *rewriter) tokens(closer string) (tokens []token, end string, err error) {
	depth := 0
	for {
		rest := strings.TrimLeftFunc(r.source[r.pos:], unicode.IsSpace)
		r.pos = len(r.source) - len(rest)
		if depth == 0 {
			for _, sign := range []string{"", "-", "+"} {
				if strings.HasPrefix(rest, sign+closer) && (sign != "+" || closer == "%}") {
					r.pos += len(sign) + len(closer)
					return tokens, sign + closer, nil
				}
			}
		}
		c, _ := utf8.DecodeRuneInString(rest)
		switch {
		case rest == "":
			return nil, "", fmt.Errorf("the tag is not closed by %s", closer)
		case c == '\'' || c == '"':
			text, n, err := unquote(rest)
			if err != nil {
				return nil, "", err
			}
			r.pos += n
			if last := len(tokens) - 1; last >= 0 && tokens[last].kind == quoted { // 'a' 'b' is 'ab'
				tokens[last].text = tokens[last].text[:len(tokens[last].text)-1] + quote(text)[1:]
			} else {
				tokens = append(tokens, token{quoted, quote(text)})
			}
			continue
		case c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c):
			tokens = append(tokens, token{word, readWord(rest)})
		default:
			op, err := readOperator(rest)
			if err != nil {
				return nil, "", err
			}
			if strings.Contains("([{", op) {
				depth++
			} else if strings.Contains(")]}", op) {
				depth--
			}
			if depth > maxNested {
				return nil, "", fmt.Errorf("more than %d brackets inside one another are not supported", maxNested)
			}
			tokens = append(tokens, token{operator, op})
		}
		last := &tokens[len(tokens)-1]
		r.pos += len(last.text)
		if last.text == "None" {
			last.text = "none" // a variable of environment
		}
	}
}

// readWord returns the name or number s begins with: 1.5 is one, loop.index0 is not.
func readWord(s string) string {
	number := s[0] >= '0' && s[0] <= '9'
	for i, c := range s {
		fraction := number && c == '.' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9'
		if c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) && !fraction {
			return s[:i]
		}
	}
	return s
}

func readOperator(s string) (string, error) {
	for _, op := range []string{"**", "//", "==", "!=", "<=", ">="} {
		if strings.HasPrefix(s, op) {
			return op, nil
		}
	}
	if strings.IndexByte("+-*/%~|.,:()[]{}=<>", s[0]) >= 0 {
		return s[:1], nil
	}
	return "", fmt.Errorf("unexpected %.10q", s)
}

var keywords = []string{"in", "and", "or", "not", "if", "else", "elif", "is", "set", "for"}

func (t token) opens() bool  { return t.kind == operator && strings.Contains("([{", t.text) }
func (t token) closes() bool { return t.kind == operator && strings.Contains(")]}", t.text) }

// ends says whether a value can end with the token.
func (t token) ends() bool {
	return t.kind == quoted || t.kind == word && !slices.Contains(keywords, t.text) || t.closes()
}
