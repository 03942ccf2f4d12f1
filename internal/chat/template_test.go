package chat

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// TestGolden compares with Jinja; testdata is from scripts/golden/chat.py.
func TestGolden(t *testing.T) {
	f, err := os.Open("testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var head struct {
		Conversations [][]Message
		Tokens        map[string]any
		Date          time.Time
	}
	d := json.NewDecoder(bufio.NewReader(f))
	if err := d.Decode(&head); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		var c struct {
			Name, Template string
			Texts          []*string
		}
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		t.Run(c.Name, func(t *testing.T) {
			template, err := parse(c.Template)
			if err != nil {
				t.Fatal(err)
			}
			template.tokens = head.Tokens
			template.Now = func() time.Time { return head.Date }
			for i, want := range c.Texts {
				got, err := template.Render(head.Conversations[i/2], i%2 == 1)
				if (err != nil) != (want == nil) || err == nil && got != *want {
					t.Errorf("conversation %d:\n got %q, %v", i/2, got, err)
					if want != nil {
						t.Errorf("want %q", *want)
					}
				}
			}
		})
	}
}

// TestSharedGolden renders the ChatML conversations of the reference material.
func TestSharedGolden(t *testing.T) {
	const shared = "../../../shared/fixtures/"
	f, err := os.Open(shared + "tokenizer/chat-qwen2-tiny.jsonl")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no reference material beside the project: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	template, err := Load(shared + "models/qwen2-tiny")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := json.NewDecoder(f); d.More(); n++ {
		var row struct {
			Messages            []Message
			AddGenerationPrompt bool `json:"add_generation_prompt"`
			Text                string
		}
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		if got, err := template.Render(row.Messages, row.AddGenerationPrompt); err != nil || got != row.Text {
			t.Errorf("row %d:\n got %q, %v\nwant %q", n, got, err, row.Text)
		}
	}
	if n == 0 {
		t.Error("no rows")
	}
}

// TestRefused: what gonja cannot do as Jinja does is refused by name.
func TestRefused(t *testing.T) {
	hi := []Message{{"user", "é"}}
	for template, want := range map[string]string{
		"\n{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}": "line 2: the statement {% macro %} is not supported",
		"{% include '/etc/passwd' %}":                       "the statement {% include %} is not supported",
		"{% %}":                                             "the statement {%  %} is not supported",
		"{{ ('a' if true else 'b') }}":                      "a conditional expression (… if … else …) inside brackets is not supported",
		"{% for m in messages recursive %}{% endfor %}":     "a recursive loop is not supported",
		"{{ 'a' * 1000000000 }}":                            "the operator * is not supported",
		"{{ 2 ** 3 }}":                                      "the operator ** is not supported",
		"{{ '%s' % 'a' }}":                                  "formatting with % is not supported",
		"{{ ('a' + 'b')(1) }}":                              "calling the result of brackets",
		"{{ 'a'" + strings.Repeat(".strip()", 30) + " }}":   "more than 10 method calls",
		"{{ " + strings.Repeat("1 + ", 600) + "1 }}":        "or 500 words in one tag",
		"{{ " + strings.Repeat("(", 1e5) + " }}":            "more than 40 brackets",
		strings.Repeat("{% if true %}", 1e4):                "more than 40 statements",
		strings.Repeat(" ", 300<<10):                        "longer than 256 KiB",
		"{{ 'a }}":                                          "a string is not closed",
		"{{ 'a'":                                            "not closed by }}",
		"{# a":                                              "a comment is not closed",
		"{{ a ? b }}":                                       "unexpected",
		`{{ '\N{DIGIT ONE}' }}`:                             `\N{…} is not supported`,
		`{{ '\ud800' }}`:                                    `bad escape`,
		"\xff":                                              "is not UTF-8",
		"{% if true %}":                                     "Unexpected EOF",
		"{% generation x %}{% endgeneration %}":             "generation takes no arguments",
		"{{ messages|dictsort }}":                           "filter 'dictsort' not found",
		"{{ 'a'.center(1000000000) }}":                      "unknown method 'center'",
		"{{ 1 is divisibleby(2) }}":                         "test 'divisibleby' not found",
		"{{ lipsum() }}":                                    "lipsum is not callable",
		"{{ 'a'.split('') }}":                               "split by an empty string",
		"{{ 'a'.split(',', 1) }}":                           "want a string",
		"{{ range(1000000) }}":                              "more than 100,000 items",
		"{{ range(1, 5, 0) }}":                              "range with step 0",
		"{{ 1.5|tojson }}":                                  "tojson of 1.5 is not supported",
		"{{ 1|tojson(sort_keys=true) }}":                    "tojson(sort_keys=True) is not supported",
		"{{ strftime_now('%Q') }}":                          "a directive is not supported",
		"{% for c in messages[0].content %}{% if loop.first %}{{ c }}{% endif %}{% endfor %}": "takes characters apart",
		"{{ raise_exception('not ' + messages[0].content) }}":                                 "not é",
		"{% set x = raise_exception('no') %}":                                                 "no",
		"{% if true and raise_exception('no') %}{% endif %}":                                  "no",
		"{{ 1 % 0 }}": "the template engine failed",
	} {
		parsed, err := parse(template)
		text := ""
		if err == nil {
			text, err = parsed.Render(hi, false)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s:\n got %q, %v\nwant %s", template, text, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want, wantErr string) {
		t.Helper()
		template, err := Load(dir)
		var input *fsutil.InputError
		if wantErr != "" {
			if !errors.As(err, &input) || !strings.Contains(err.Error(), wantErr) {
				t.Errorf("error %v, want %s", err, wantErr)
			}
			return
		} else if err != nil {
			t.Error(err)
			return
		}
		if got, err := template.Render([]Message{{"user", "x"}}, true); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	check("", "this checkpoint has no chat template")
	config := func(fields string) { t.Helper(); write("tokenizer_config.json", `{"eos_token":"E",`+fields+`}`) }
	config(`"bos_token":null`)
	check("", "this checkpoint has no chat template")
	config(`"bos_token":{"content":"B","lstrip":false},"chat_template":"{{ bos_token }}{{ messages[0].role }}{{ eos_token }}{{ pad_token }}"`)
	check("BuserE", "")
	config(`"chat_template":[{"name":"rag","template":"r"},{"name":"default","template":"d"}]`)
	check("d", "")
	config(`"chat_template":[{"name":"rag","template":"r"}]`)
	check("", `none of the templates (rag) is called "default"`)
	config(`"chat_template":7`)
	check("", "chat_template: want a string or a list")
	config(`"bos_token":7`)
	check("", "tokenizer_config.json: bos_token: want a string")
	config(`"chat_template":"{% macro %}"`)
	check("", "tokenizer_config.json: chat template: line 1: the statement {% macro %} is not supported")
	write("tokenizer_config.json", `{`)
	check("", "tokenizer_config.json: unexpected end")
	config(`"chat_template":"old"`)
	write("chat_template.jinja", "file {{ eos_token }}\n")
	check("file E", "")
	write("chat_template.jinja", "{{ raise_exception('system role not supported') }}")
	template, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = template.Render([]Message{{"user", "x"}}, false)
	var input *fsutil.InputError
	if !errors.As(err, &input) || !strings.HasSuffix(err.Error(), "chat_template.jinja: chat template: system role not supported") {
		t.Errorf("error %v", err)
	}
	if _, err := template.Render([]Message{{"user", "\xff"}}, false); err == nil || !strings.Contains(err.Error(), "message 1 is not UTF-8") {
		t.Errorf("invalid UTF-8: %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	template, err := parse("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ m.content.split(' ')[-1] }}{% endfor %}{{ ns.n }}")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if got, err := template.Render([]Message{{"user", "a b"}, {"user", "c"}}, false); err != nil || got != "bc2" {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzRender(f *testing.F) {
	f.Add("{% for m in messages %}{{ m['role'] + '\\n' + m.content|trim }}{% endfor %}", "user", "x")
	f.Add("{%- set ns = namespace(a=1) -%}{{ messages[::-1][0].content.split('a')[-1] ~ none }}{# c #}", "user", "x")
	f.Add("{{ messages|tojson(indent=2) }}{{ 'a' if b is defined else {'c': [1]} }}", "a", "b")
	f.Fuzz(func(t *testing.T, source, role, content string) {
		template, err := parse(source)
		if err == nil {
			_, _ = template.Render([]Message{{role, content}, {"assistant", "y"}}, true)
		}
	})
}

// FuzzLoad reads any tokenizer_config.json.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"eos_token":"E","bos_token":{"content":"B"},"chat_template":"{{ bos_token }}{{ messages[0].role }}"}`))
	f.Add([]byte(`{"chat_template":[{"name":"default","template":"{% for m in messages %}{{ m.content }}{% endfor %}"}],"pad_token":null}`))
	f.Fuzz(func(t *testing.T, config []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), config, 0o644); err != nil {
			t.Fatal(err)
		}
		template, err := Load(dir)
		if err == nil {
			_, err = template.Render([]Message{{"user", "x"}}, true)
		}
		if input := (*fsutil.InputError)(nil); err != nil && !errors.As(err, &input) {
			t.Errorf("not an input error: %v", err)
		}
	})
}
