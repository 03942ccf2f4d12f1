package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// Dialect is the environment that a template was written for.
type Dialect int

const (
	// Chat is transformers': a tag's line break and indentation go, undefined
	// names are empty.
	Chat Dialect = iota
	// Task is lm-evaluation-harness's: all white space stays, undefined names are
	// errors, and values print as Python's.
	Task
)

// Template may be rendered from any number of goroutines.
type Template struct {
	template *exec.Template
	config   *config.Config
	dialect  Dialect
	loader   loaders.Loader
	source   int // bytes
}

// Compile reads a template.
func Compile(source string, d Dialect) (t *Template, err error) {
	defer recoverInto(&err)
	source, err = rewrite(source, d)
	if err != nil {
		return nil, err
	}
	cfg := config.New()
	cfg.TrimBlocks, cfg.LeftStripBlocks = d == Chat, d == Chat
	cfg.KeepTrailingNewline, cfg.StrictUndefined = d == Task, d == Task
	const name = "/template"
	loader, err := loaders.NewMemoryLoader(map[string]string{name: source})
	if err != nil {
		return nil, err
	}
	template, err := exec.NewTemplate(name, cfg, loader, environment(&budget{}, d))
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner // without the whole source in the text
		}
		return nil, err
	}
	return &Template{template, cfg, d, loader, len(source)}, nil
}

// Function is what a template can call with one text.
type Function func(text string) (string, error)

// maxOutput bounds the text of a template, in bytes.
const maxOutput = 64 << 20

// Render returns the template's text. Values are texts, int, float64, bool, None,
// List, *Dict and Function. An error of a Function is returned as it is.
func (t *Template) Render(values map[string]any) (text string, err error) {
	defer recoverInto(&err)
	var raised error
	names := make(map[string]any, len(values))
	for name, v := range values {
		if f, ok := v.(Function); ok {
			v = func(args *exec.VarArgs) (string, error) {
				out, err := f(args.First().String())
				if err != nil {
					raised = err
				}
				return out, err
			}
		}
		names[name] = v
	}
	out, b := &boundedText{max: maxOutput}, &budget{left: maxWork, source: t.source}
	if err := b.keep(exec.AsValue(names)); err != nil {
		return "", fmt.Errorf("what is given to it: %w", err)
	}
	env := environment(b, t.dialect)
	env.Context.Update(exec.NewContext(names))
	err = exec.NewRenderer(env, out, t.config, t.loader, t.template).Execute()
	switch {
	case raised != nil: // gonja's own error only says where
		return "", raised
	case err != nil:
		return "", plain(err)
	case !utf8.ValidString(out.String()):
		return "", errors.New("it takes characters apart (iterating over a string that is not ASCII is not supported)")
	}
	return out.String(), nil
}

var (
	inLine  = regexp.MustCompile(`at line (\d+)`)
	wrapped = regexp.MustCompile(`(?is)^(.*invalid call to filter '\w+': |.*at line \d+: \w+\([^)]*\): |unable to (evaluate|execute) [^:]*: |invalid call to (function '__\w+'|method '\w+' of [^:]*): )`)
	noName  = regexp.MustCompile(`^Unable to evaluate name ("\w+")$`)
)

// maxError is the longest error of gonja, in bytes, that is taken apart.
const maxError = 4096

// plain leaves out of gonja's error how it came to what is wrong.
func plain(err error) error {
	text := err.Error()
	line := inLine.FindStringSubmatch(text[:min(len(text), maxError)])
	if len(text) > maxError { // it holds values, of any length; what is wrong comes last
		text = "…" + strings.ToValidUTF8(text[len(text)-maxError/8:], "")
	}
	for {
		inner := wrapped.ReplaceAllString(text, "")
		if inner == text {
			break
		}
		text = inner
	}
	text = noName.ReplaceAllString(text, "$1 is undefined")
	if line != nil {
		text = "line " + line[1] + ": " + text
	}
	return errors.New(text)
}

type boundedText struct {
	strings.Builder
	max int // bytes
}

func (b *boundedText) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.max {
		return 0, fmt.Errorf("the text is longer than %d MiB", b.max>>20)
	}
	return b.Builder.Write(p)
}

func recoverInto(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the template engine failed: %v", r)
	}
}
