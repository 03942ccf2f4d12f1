package jinja

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"

	"github.com/stablelora/stablelora/internal/regex"
)

var errUndefined = errors.New("a value is undefined")

// str is Python's str; the error is of an undefined value.
func str(v *exec.Value) (string, error) {
	if v.IsString() {
		return v.String(), nil
	}
	var b strings.Builder
	err := repr(&b, v)
	return b.String(), err
}

// repr writes Python's repr.
func repr(b *strings.Builder, v *exec.Value) (err error) {
	next := func(i int, v *exec.Value) bool {
		if i > 0 {
			b.WriteString(", ")
		}
		if err == nil {
			err = repr(b, v)
		}
		return err == nil
	}
	switch {
	case b.Len() > maxOutput:
		return fits(b.Len())
	case v.IsError():
		return v
	case v.IsNil() || v.IsCallable():
		return errUndefined
	case v.IsString():
		quotePython(b, v.String())
	case isNone(v):
		b.WriteString("None")
	case v.IsList():
		b.WriteByte('[')
		each(v, func(i int, item, _ *exec.Value) bool { return next(i, item) })
		b.WriteByte(']')
	case v.IsDict():
		b.WriteByte('{')
		each(v, func(i int, key, value *exec.Value) bool {
			if !next(i, key) {
				return false
			}
			b.WriteString(": ")
			return next(0, value)
		})
		b.WriteByte('}')
	default:
		b.WriteString(v.String())
	}
	return err
}

// shown is v in an error.
func shown(v *exec.Value) string {
	text, err := str(v)
	if err != nil {
		return "an undefined value"
	}
	return fmt.Sprintf("%.80s", text)
}

// quotePython is Python's repr of a string.
func quotePython(b *strings.Builder, s string) {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	b.WriteRune(quote)
	for _, r := range s {
		switch i := strings.IndexRune("\n\r\t", r); {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case i >= 0:
			b.WriteByte('\\')
			b.WriteByte("nrt"[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			fmt.Fprintf(b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
}

// filterStr is Jinja's string, and what rewrite puts values of the Task dialect
// through.
func filterStr(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	text, err := str(in)
	if err != nil {
		return exec.AsValue(err)
	}
	return exec.AsValue(text)
}

// item is Python's object[key].
func item(args *exec.VarArgs) (*exec.Value, error) {
	if len(args.Args) != 2 {
		return nil, errors.New("a subscript is one value")
	}
	in, key := args.Args[0], args.Args[1]
	if in.IsDict() {
		for _, pair := range pairs(in) {
			if pair := pair.(List); pair[0].(*exec.Value).EqualValueTo(key) {
				return pair[1].(*exec.Value), nil
			}
		}
		return nil, fmt.Errorf("there is no key %s", shown(key))
	}
	if !key.IsInteger() || !in.IsString() && (!in.IsList() || isNone(in)) {
		return nil, fmt.Errorf("%s has no item %s", shown(in), shown(key))
	}
	i, n := key.Integer(), in.Len()
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return nil, fmt.Errorf("item %s of %d is asked for", shown(key), n)
	}
	return in.Index(i), nil
}

// equal is Python's ==.
func (b *budget) equal(args *exec.VarArgs) (bool, error) {
	if len(args.Args) != 2 {
		return false, errors.New("two values are compared")
	}
	x, y := args.Args[0], args.Args[1]
	if err := cmp.Or(b.look(x), b.look(y)); err != nil {
		return false, err
	}
	return isNone(x) == isNone(y) && asNumber(x).EqualValueTo(asNumber(y)), nil
}

// unequal is Python's !=.
func (b *budget) unequal(args *exec.VarArgs) (bool, error) {
	same, err := b.equal(args)
	return !same, err
}

// asNumber is a truth value as the number that it is to Python.
func asNumber(v *exec.Value) *exec.Value {
	switch {
	case !v.IsBool():
		return v
	case v.Bool():
		return exec.AsValue(1)
	}
	return exec.AsValue(0)
}

// filterEnd is first or last.
func filterEnd(at func(n int) int) exec.FilterFunction {
	return func(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
		if in.IsError() {
			return in
		}
		if n := in.Len(); n > 0 && (in.IsString() || in.IsList()) {
			return in.Index(at(n))
		}
		return exec.AsValue(nil)
	}
}

// filterInt is Jinja's int, to which truth values are numbers.
func filterInt(e *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	f, _ := builtins.Filters.Get("int")
	return f(e, asNumber(in), args)
}

// regexReplace is the harness's filter: every match of a pattern is replaced.
func (b *budget) regexReplace(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	texts, err := stringArgs(args, 2, 2)
	if err != nil {
		return exec.AsValue(fmt.Errorf("regex_replace: %w", err))
	}
	size, err := regex.Size(texts[0])
	if err == nil {
		err = b.spend(4*size + size*len(in.String())/128) // to compile it, and to match
	}
	var pattern *regexp.Regexp
	if err == nil {
		pattern, err = regex.Compile(texts[0])
	}
	switch {
	case err != nil:
		return exec.AsValue(fmt.Errorf("regex_replace: %w", err))
	case strings.ContainsAny(texts[0], `\$^`) || strings.Contains(texts[0], "[:") || strings.Contains(texts[1], `\`) || pattern.MatchString(""):
		// Where Python's patterns and Go's part.
		return exec.AsValue(fmt.Errorf("regex_replace: the pattern %s is not supported: it may hold no backslash, $, ^ or [:, match no empty text, and be replaced by no group", texts[0]))
	}
	if err := fits(len(in.String()) + (len(in.String())+1)*len(texts[1])/16); err != nil {
		return exec.AsValue(err)
	}
	return exec.AsValue(pattern.ReplaceAllLiteralString(in.String(), texts[1]))
}
