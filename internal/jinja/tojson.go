package jinja

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// filterToJSON is transformers' tojson: Python's json.dumps with ensure_ascii
// false, which keeps the order of keys and escapes no HTML; indent may be given.
func filterToJSON(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	w := jsonWriter{indent: -1}
	for name, value := range args.KwArgs {
		if name != "indent" || !isNone(value) && (!value.IsInteger() || value.Integer() < 0 || value.Integer() > 16) {
			return exec.AsValue(fmt.Errorf("tojson(%s=%s) is not supported", name, value.String()))
		}
		if !isNone(value) {
			w.indent = value.Integer()
		}
	}
	if len(args.Args) > 0 {
		return exec.AsValue(errors.New("tojson with an argument without name is not supported"))
	}
	if err := w.value(in, 0); err != nil {
		return exec.AsValue(err)
	}
	return exec.AsValue(w.out.String())
}

type jsonWriter struct {
	out    strings.Builder
	indent int // -1: all on one line
}

func (w *jsonWriter) value(v *exec.Value, depth int) error {
	if depth > maxNested {
		return errors.New("tojson of a value nested too deep")
	}
	if err := fits(w.out.Len()); err != nil {
		return err
	}
	switch {
	case v.IsError():
		return errors.New(v.Error())
	case isNone(v):
		w.out.WriteString("null")
	case v.IsBool():
		fmt.Fprint(&w.out, v.Bool())
	case v.IsInteger():
		fmt.Fprint(&w.out, v.Integer())
	case v.IsString():
		w.text(v.String())
	case v.IsList():
		return w.items('[', ']', v, depth, nil)
	case v.IsDict():
		return w.items('{', '}', v, depth, func(key *exec.Value) {
			w.text(key.String())
			w.out.WriteString(": ")
		})
	default:
		return fmt.Errorf("tojson of %s is not supported", v.String())
	}
	return nil
}

// items writes a list, or a dictionary if name writes a key.
func (w *jsonWriter) items(begin, end byte, v *exec.Value, depth int, name func(key *exec.Value)) (err error) {
	w.out.WriteByte(begin)
	some := false
	each(v, func(i int, key, value *exec.Value) bool {
		if i > 0 {
			w.out.WriteByte(',')
			if w.indent < 0 {
				w.out.WriteByte(' ')
			}
		}
		some = true
		w.newline(depth + 1)
		if name != nil {
			name(key)
			key = value
		}
		err = w.value(key, depth+1)
		return err == nil
	})
	if some {
		w.newline(depth)
	}
	w.out.WriteByte(end)
	return err
}

func (w *jsonWriter) newline(depth int) {
	if w.indent >= 0 {
		w.out.WriteString("\n" + strings.Repeat(" ", w.indent*depth))
	}
}

func (w *jsonWriter) text(s string) {
	w.out.WriteByte('"')
	for _, r := range s {
		switch i := strings.IndexRune("\"\\\b\f\n\r\t", r); {
		case i >= 0:
			w.out.WriteByte('\\')
			w.out.WriteByte(`"\bfnrt`[i])
		case r < ' ':
			fmt.Fprintf(&w.out, `\u%04x`, r)
		default:
			w.out.WriteRune(r)
		}
	}
	w.out.WriteByte('"')
}
