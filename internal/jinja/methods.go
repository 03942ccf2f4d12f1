package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/exec"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

type stringFunction = func(s string, args *exec.VarArgs) (any, error)

// methods are those of Python's str and dict that chat templates use.
func methods(b *budget) exec.Methods {
	str := map[string]exec.Method[string]{}
	for name, f := range map[string]stringFunction{
		"strip":      func(s string, a *exec.VarArgs) (any, error) { return strip(s, a, true, true) },
		"lstrip":     func(s string, a *exec.VarArgs) (any, error) { return strip(s, a, true, false) },
		"rstrip":     func(s string, a *exec.VarArgs) (any, error) { return strip(s, a, false, true) },
		"startswith": func(s string, a *exec.VarArgs) (any, error) { return anyOf(s, a, strings.HasPrefix) },
		"endswith":   func(s string, a *exec.VarArgs) (any, error) { return anyOf(s, a, strings.HasSuffix) },
		"split":      split, "replace": replace, "join": join, "index": index, "find": find,
		"upper": upper, "lower": lower, "title": title, "capitalize": capitalize,
	} {
		str[name] = func(s string, in *exec.Value, args *exec.VarArgs) (any, error) {
			if err := b.look(in); err != nil {
				return nil, err
			}
			return f(s, args)
		}
	}
	return exec.Methods{
		Bool:  exec.NewMethodSet(map[string]exec.Method[bool]{}),
		Int:   exec.NewMethodSet(map[string]exec.Method[int]{}),
		Float: exec.NewMethodSet(map[string]exec.Method[float64]{}),
		List:  exec.NewMethodSet(map[string]exec.Method[[]any]{"index": paid(b, indexOf)}),
		Str:   exec.NewMethodSet(str),
		Dict:  exec.NewMethodSet(map[string]exec.Method[map[string]any]{"get": paid(b, get), "items": paid(b, items), "keys": paid(b, keys)}),
	}
}

// paid makes a method pay.
func paid[T any](b *budget, f exec.Method[T]) exec.Method[T] {
	return func(self T, in *exec.Value, args *exec.VarArgs) (any, error) {
		if err := b.look(in); err != nil {
			return nil, err
		}
		return f(self, in, args)
	}
}

// stringArgs returns the arguments, which must be between low and high strings.
func stringArgs(args *exec.VarArgs, low, high int) ([]string, error) {
	var out []string
	for _, a := range args.Args {
		if !a.IsString() {
			return nil, fmt.Errorf("want a string, have %s", a.String())
		}
		out = append(out, a.String())
	}
	if len(out) < low || len(out) > high || len(args.KwArgs) > 0 {
		return nil, fmt.Errorf("want %d to %d arguments and no names", low, high)
	}
	return out, nil
}

// strip is str.strip, lstrip and rstrip: of whitespace or of given characters.
func strip(s string, args *exec.VarArgs, left, right bool) (any, error) {
	chars, err := stringArgs(args, 0, 1)
	if err != nil {
		return nil, err
	}
	cut := isSpace
	if len(chars) > 0 {
		cut = func(r rune) bool { return strings.ContainsRune(chars[0], r) }
	}
	if left {
		s = strings.TrimLeftFunc(s, cut)
	}
	if right {
		s = strings.TrimRightFunc(s, cut)
	}
	return s, nil
}

// isSpace is str.isspace, to which four separators belong.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1C && r <= 0x1F }

// anyOf is str.startswith and endswith: of one string or any of a tuple.
func anyOf(s string, args *exec.VarArgs, has func(s, part string) bool) (any, error) {
	found := false
	if len(args.Args) == 1 && args.Args[0].IsList() {
		each(args.Args[0], func(_ int, part, _ *exec.Value) bool {
			found = found || has(s, part.String())
			return true
		})
		return found, nil
	}
	part, err := stringArgs(args, 1, 1)
	if err != nil {
		return nil, err
	}
	return has(s, part[0]), nil
}

// split is str.split without maxsplit.
func split(s string, args *exec.VarArgs) (any, error) {
	sep, err := stringArgs(args, 0, 1)
	if err != nil {
		return nil, err
	}
	var parts []string
	switch {
	case len(sep) == 0:
		parts = strings.FieldsFunc(s, isSpace)
	case sep[0] == "":
		return nil, fmt.Errorf("split by an empty string")
	default:
		parts = strings.Split(s, sep[0])
	}
	out := make(List, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out, nil
}

func replace(s string, args *exec.VarArgs) (any, error) {
	a, err := stringArgs(args, 2, 2)
	if err != nil {
		return nil, err
	}
	if err := fits(len(s) + strings.Count(s, a[0])*len(a[1])); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(s, a[0], a[1]), nil
}

// join is str.join.
func join(s string, args *exec.VarArgs) (any, error) {
	if len(args.Args) != 1 || !args.Args[0].IsList() {
		return nil, fmt.Errorf("join wants a list of strings")
	}
	var parts []string
	var err error
	n := 0
	each(args.Args[0], func(_ int, part, _ *exec.Value) bool {
		if !part.IsString() {
			err = fmt.Errorf("join of %s, which is no string", shown(part))
		}
		parts = append(parts, part.String())
		if n += len(s) + len(part.String()); err == nil {
			err = fits(n)
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return strings.Join(parts, s), nil
}

// find is str.find: in code points, -1 for nowhere.
func find(s string, args *exec.VarArgs) (any, error) {
	part, err := stringArgs(args, 1, 1)
	if err != nil {
		return nil, err
	}
	before, _, found := strings.Cut(s, part[0])
	if !found {
		return -1, nil
	}
	return utf8.RuneCountInString(before), nil
}

// index is str.index.
func index(s string, args *exec.VarArgs) (any, error) {
	at, err := find(s, args)
	if at == -1 {
		err = fmt.Errorf("index: %q is not in %q", args.Args[0].String(), s)
	}
	return at, err
}

// indexOf is list.index.
func indexOf(_ []any, list *exec.Value, args *exec.VarArgs) (any, error) {
	if len(args.Args) != 1 {
		return nil, fmt.Errorf("index wants one value")
	}
	at := -1
	each(list, func(i int, item, _ *exec.Value) bool {
		if item.EqualValueTo(args.Args[0]) {
			at = i
		}
		return at < 0
	})
	if at < 0 {
		return nil, fmt.Errorf("index: %s is not in the list %s", shown(args.Args[0]), shown(list))
	}
	return at, nil
}

func upper(s string, args *exec.VarArgs) (any, error) {
	_, err := stringArgs(args, 0, 0)
	return cases.Upper(language.Und).String(s), err
}

func lower(s string, args *exec.VarArgs) (any, error) {
	_, err := stringArgs(args, 0, 0)
	return cases.Lower(language.Und).String(s), err
}

// title is str.title: a word begins after whatever is no letter.
func title(s string, args *exec.VarArgs) (any, error) {
	_, err := stringArgs(args, 0, 0)
	return capitalizeAfter(s, func(r rune) bool { return !unicode.IsLetter(r) }), err
}

// titleWords is Jinja's filter title, to which an apostrophe begins no word.
func titleWords(s string, args *exec.VarArgs) (any, error) {
	_, err := stringArgs(args, 0, 0)
	return capitalizeAfter(s, func(r rune) bool { return isSpace(r) || strings.ContainsRune("-({[<", r) }), err
}

// capitalize is str.capitalize.
func capitalize(s string, args *exec.VarArgs) (any, error) {
	_, err := stringArgs(args, 0, 0)
	_, n := utf8.DecodeRuneInString(s)
	// The rest is lowered in the context of the whole: a sigma after the first
	// letter may be a final one.
	low := cases.Lower(language.Und)
	return cases.Title(language.Und).String(s[:n]) + low.String(s)[len(low.String(s[:n])):], err
}

// capitalizeAfter writes the first character and those after a separator in
// title case, all others in lower case.
func capitalizeAfter(s string, separator func(rune) bool) string {
	begins := true
	return strings.Map(func(r rune) rune {
		was := begins
		begins = separator(r)
		if was {
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, s)
}

// get is dict.get.
func get(_ map[string]any, dict *exec.Value, args *exec.VarArgs) (any, error) {
	if len(args.Args) < 1 || len(args.Args) > 2 {
		return nil, fmt.Errorf("get wants a key and perhaps a default")
	}
	if value, ok := dict.GetItem(args.Args[0].Interface()); ok {
		return value.Interface(), nil
	}
	if len(args.Args) == 2 {
		return args.Args[1].Interface(), nil
	}
	return None{}, nil
}

func items(_ map[string]any, dict *exec.Value, _ *exec.VarArgs) (any, error) { return pairs(dict), nil }

func keys(_ map[string]any, dict *exec.Value, _ *exec.VarArgs) (any, error) {
	out := List{}
	for _, p := range pairs(dict) {
		out = append(out, p.(List)[0])
	}
	return out, nil
}
