package jinja

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// Templates that the harness renders and we refuse, and the other way round.
var (
	refused = []string{
		"{% raw %}{{ x }}{% endraw %}", "{{ 'a' == 'a' in [true] }}", "{{ 0 < label|int < 2 }}", "{{ choices|tojson }}",
		"{{ premises|rejectattr('a', 'nothing')|list }}", "{{ pattern|regex_replace('[[:alpha:]]', '') }}",
	}
	lenient = []string{"{{ label + 1 }}", "{{ label > 2 }}"} // a text and a number
)

// TestTaskDialect compares with Jinja as the harness sets it up, and with
// Python's literals (scripts/golden/jinja.py).
func TestTaskDialect(t *testing.T) {
	f, err := os.Open("testdata/task.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows := 0
	for d := json.NewDecoder(f); d.More(); rows++ {
		var c struct {
			Template string
			Literal  *string
			Doc      json.RawMessage
			Text     *string
		}
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		got, err := "", error(nil)
		if c.Literal != nil {
			var v any
			if v, err = Literal(*c.Literal); err == nil {
				got = Str(v)
			}
		} else {
			got, err = render(c.Template, c.Doc)
		}
		if err == nil && c.Text == nil && slices.Contains(lenient, c.Template) {
			continue
		}
		if (err != nil) != (c.Text == nil || slices.Contains(refused, c.Template)) || err == nil && got != *c.Text {
			t.Errorf("%q %v:\n got %q, %v", c.Template, c.Literal, got, err)
			if c.Text != nil {
				t.Errorf("want %q", *c.Text)
			}
		}
	}
	if rows < 200 {
		t.Errorf("%d rows", rows)
	}
}

func render(template string, doc json.RawMessage) (string, error) {
	compiled, err := Compile(template, Task)
	if err != nil {
		return "", err
	}
	values, err := FromJSON(doc)
	if err != nil {
		return "", err
	}
	return compiled.Render(values)
}

// TestErrors: an error tells what is wrong and where, not how gonja came to it.
func TestErrors(t *testing.T) {
	for template, want := range map[string]string{
		"{{ missing }}":                   `line 1: "missing" is undefined`,
		"a\n{{ a.b }}":                    "line 2: attribute 'b' not found",
		"{{ a['b'] }}":                    "line 1: there is no key b",
		"{{ a.text.index('x') }}":         "line 1: index: x is not in the list ['v']",
		"{{ x.index('q') }}":              `line 1: index: "q" is not in "s"`,
		"{{ x|nofilter }}":                "line 1: filter 'nofilter' not found",
		"{{ x.nomethod() }}":              "line 1: unknown method 'nomethod' for 's'",
		"{% if missing %}{% endif %}":     `line 1: "missing" is undefined`,
		"{{ missing.strip() }}":           `line 1: "missing" is undefined`,
		"{{ [missing, x] }}":              `line 1: "missing" is undefined`,
		"{{ x[3] }}":                      "line 1: item 3 of 1 is asked for",
		"{{ x if x }}":                    "line 1: a conditional expression needs an else",
		"{{ f(x) }}":                      "line 1: f is not callable",
		"{{ x + missing }}":               `line 1: "missing" is undefined`,
		"{{ a.text[1:]|first }}":          "line 1: a value is undefined",
		"{{ n.strip() }}":                 "line 1: unknown method 'strip' for 'None'",
		"{{ 7 % 2 }}":                     "line 1: the operator % is not supported",
		"{{ x) }}":                        "line 1: the tag is not closed",
		"{{ x|regex_replace('a*', '') }}": `line 1: regex_replace: the pattern a* is not supported`,
	} {
		_, err := render(template, []byte(`{"x": "s", "a": {"text": ["v"]}, "n": null}`))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", template, err, want)
		}
	}
}

func FuzzTask(f *testing.F) {
	f.Add("{{ a[0].b if a is defined else [x['c'], 'd'][-1:] }}{% for i in a %}{{ loop.index }}{% endfor %}", `{"a": [{"b": 1.5}], "x": {"c": null}}`)
	f.Fuzz(func(t *testing.T, template, doc string) {
		text, err := render(template, json.RawMessage(doc))
		if err == nil {
			_, _ = Literal(text)
		}
	})
}
