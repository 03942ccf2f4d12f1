package jinja

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestWorkIsBounded: what would take for ever or fill the memory is refused, in
// both dialects.
func TestWorkIsBounded(t *testing.T) {
	texts := List{}
	for range 2000 {
		texts = append(texts, strings.Repeat("ab ", 300))
	}
	object := func(keys int) *Dict {
		var pairs []any
		for i := range keys {
			pairs = append(pairs, fmt.Sprint("key ", i), i)
		}
		return NewDict(pairs...)
	}
	values := map[string]any{"s": strings.Repeat("a", 100_000), "l": texts, "d": object(maxKeys)}
	for template, want := range map[string]string{
		"{% for a in range(100000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}":                        "takes too long",
		"{% set r = range(100000) %}{% for a in r %}{% for b in r if b < 0 %}{% endfor %}{% endfor %}":           "takes too long",
		"{% for a in range(100000) %}{% set x = range(10000) %}{% endfor %}":                                     "takes too long",
		"{% for a in s %}{% if s.split('a') %}{% endif %}{% endfor %}":                                           "takes too long",
		"{% for a in l %}{% for b in l %}{{ loop.index }}{% endfor %}{% endfor %}":                               "takes too long",
		"{% for a in l|sort %}{% for b in l|unique %}{% set x = l|join %}{% endfor %}{% endfor %}":               "takes too long",
		"{% for a in range(1000) %}{% if d|sort %}{% endif %}{% endfor %}":                                       "takes too long",
		"{% for a in range(1000) %}{% for b in d %}{% endfor %}{% endfor %}":                                     "takes too long",
		"{% for a in range(1000) %}{{ 'a'|regex_replace('([ab]{0,1000}){0,1}[ab]{0,1000}x', '') }}{% endfor %}":  "takes too long",
		"{{ s|regex_replace('[ab]{0,1000}[ab]{0,1000}[ab]{0,1000}[ab]{0,1000}[ab]{0,1000}[ab]{0,1000}x', '') }}": "takes too long",
		"{% set n = namespace(x='a') %}{% for a in range(100) %}{% set n.x = n.x ~ n.x %}{% endfor %}":           "more than 4 MiB",
		"{% set n = namespace(x=[1]) %}{% for a in range(100) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}": "more than 4 MiB",
		"{% set x %}{% for a in range(100) %}{{ s }}{% endfor %}{% endset %}":                                    "more than 4 MiB",
		"{{ s.replace('a', s) }}": "more than 4 MiB",
		"{{ s|replace('a', s) }}": "more than 4 MiB",
		"{{ s.join(l) }}":         "more than 4 MiB",
		"{{ l|join(s) }}":         "more than 4 MiB",
		"{{ s|regex_replace('a', '" + strings.Repeat("b", 1000) + "') }}": "more than 4 MiB",
		"{{ [s" + strings.Repeat(", s", 200) + "]|tojson }}":              "more than 4 MiB",
		"{{ s" + strings.Repeat(" ~ s", 50) + " }}":                       "40 additions",
		"{% set n = namespace() %}{% set n.n = n %}{{ n }}":               "a namespace inside another",
		"{% set n = namespace() %}{% set n.n = [{'a': n}] %}{{ n }}":      "a namespace inside another",
		"{% set d = {} %}{% set d.Pairs = d %}{{ d }}":                    "only a namespace's attributes",
		"{% set d = {} %}{% set d['a'] = d %}{{ d }}":                     "only a name, or an attribute",
	} {
		for _, d := range []Dialect{Chat, Task} {
			if d == Task && strings.Contains(template, "tojson") {
				continue // it is not known there
			}
			compiled, err := Compile(template, d)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			if err == nil {
				_, err = compiled.Render(values)
			}
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 600 {
				t.Errorf("%.100s: %v, want %q", template, err, want)
			}
			mib := (after.TotalAlloc - before.TotalAlloc) >> 20
			if took > 60*time.Second || mib > 1024 {
				t.Errorf("%.100s: %v, %d MiB", template, took, mib)
			}
		}
	}
}

// TestLargeObject: gonja's time goes with the square of an object's keys.
func TestLargeObject(t *testing.T) {
	for keys, want := range map[int]string{maxKeys: "", 20 * maxKeys: "an object of 20000 keys, more than 1000, is not supported"} {
		doc := `{"a": {"b": {"k": 0`
		for i := 1; i < keys; i++ {
			doc += fmt.Sprintf(`,"%d": 0`, i)
		}
		text, err := render("{{ a == a }}{{ a.b|length }}", []byte(doc+"}}}"))
		if err == nil && text != fmt.Sprint("True", keys) || (err == nil) != (want == "") || err != nil && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%d keys: %s, %v", keys, text, err)
		}
	}
}

// TestOrdinaryWork: bounds are far from what templates do.
func TestOrdinaryWork(t *testing.T) {
	messages := List{}
	for range 1000 {
		messages = append(messages, NewDict("role", "user", "content", strings.Repeat("word ", 40)))
	}
	compiled, err := Compile("{% for m in messages %}{% if loop.first and m.content.startswith('x') %}{{ m.content.split('x')[-1] }}{% endif %}{% set text = m.content|trim %}{{ m.role + text }}{% endfor %}{#"+strings.Repeat(" ", 8000)+"#}", Chat)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := compiled.Render(map[string]any{"messages": messages}); err != nil || len(text) < 200_000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}
