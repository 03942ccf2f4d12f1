package eval

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// number is a float64 that is written as Python writes it: 1.0, 1e-05.
type number float64

// String is Python's repr of a float.
func (n number) String() string {
	f := float64(n)
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f != f:
		return "NaN"
	}
	digits := strconv.FormatFloat(f, 'e', -1, 64)
	exponent, _ := strconv.Atoi(digits[strings.IndexByte(digits, 'e')+1:])
	if exponent < -4 || exponent >= 16 {
		return digits
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// MarshalJSON writes the number with a point or an exponent; what is not
// finite is no JSON.
func (n number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsInf(f, 0) || f != f {
		return nil, fmt.Errorf("%v is no JSON number", f)
	}
	return []byte(n.String()), nil
}

// field is one key and value of an object whose order matters.
type field struct {
	key   string
	value any
}

// object is written in the order of its fields.
type object []field

// MarshalJSON writes the fields in order.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range o {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := json.Marshal(f.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}

// dump writes v as Python's json.dumps(v, indent=indent, ensure_ascii=False)
// does, so that hashes agree with the harness's; no indent below 1.
func dump(out io.Writer, v any, indent int) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w := &pythonWriter{out: bufio.NewWriter(out), indent: indent}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := w.value(decoder); err != nil {
		return err
	}
	return w.out.Flush()
}

type pythonWriter struct {
	out    *bufio.Writer
	indent int
	depth  int
}

func (w *pythonWriter) value(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case json.Delim:
		return w.container(d, token)
	case string:
		w.text(token)
	case json.Number:
		w.number(token)
	case bool:
		w.out.WriteString(strconv.FormatBool(token))
	case nil:
		w.out.WriteString("null")
	}
	return nil
}

func (w *pythonWriter) container(d *json.Decoder, open json.Delim) error {
	w.out.WriteByte(byte(open))
	w.depth++
	empty := true
	for ; d.More(); empty = false {
		if !empty {
			w.out.WriteByte(',')
			if w.indent < 1 {
				w.out.WriteByte(' ')
			}
		}
		w.newline()
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			w.text(key.(string))
			w.out.WriteString(": ")
		}
		if err := w.value(d); err != nil {
			return err
		}
	}
	w.depth--
	if !empty {
		w.newline()
	}
	w.out.WriteByte(byte(open) + 2) // "]" and "}" come two after "[" and "{"
	_, err := d.Token()
	return err
}

func (w *pythonWriter) newline() {
	if w.indent > 0 {
		w.out.WriteByte('\n')
		w.out.WriteString(strings.Repeat(" ", w.indent*w.depth))
	}
}

// number keeps an integer's digits and writes everything else as a float.
func (w *pythonWriter) number(n json.Number) {
	f, err := n.Float64()
	if err != nil || !strings.ContainsAny(n.String(), ".eE") {
		w.out.WriteString(n.String())
		return
	}
	w.out.WriteString(number(f).String())
}

func (w *pythonWriter) text(s string) {
	w.out.WriteByte('"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			w.out.WriteByte('\\')
			w.out.WriteRune(r)
		case '\n':
			w.out.WriteString(`\n`)
		case '\r':
			w.out.WriteString(`\r`)
		case '\t':
			w.out.WriteString(`\t`)
		case '\f':
			w.out.WriteString(`\f`)
		case '\b':
			w.out.WriteString(`\b`)
		default:
			if r < 0x20 {
				fmt.Fprintf(w.out, `\u%04x`, r)
			} else {
				w.out.WriteRune(r)
			}
		}
	}
	w.out.WriteByte('"')
}

// hashText is the harness's hash_string.
func hashText(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

// hashDoc is the harness's hash of a document.
func hashDoc(doc any) (string, error) {
	h := sha256.New()
	err := dump(h, doc, 2)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}
