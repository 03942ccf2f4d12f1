package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/jinja"
)

// Message is one turn of a conversation.
type Message struct{ Role, Content string }

// Template is a checkpoint's chat template. Render may be called from any number
// of goroutines.
type Template struct {
	// Now gives the date that templates print with strftime_now (Llama-3.2's
	// system header): time.Now unless replaced. With it the text, and what is
	// trained on it, depends on the day; a run that must be repeatable fixes it.
	Now func() time.Time

	path     string
	source   string
	template *jinja.Template
	tokens   map[string]any // bos_token, eos_token, ...
}

// Load reads dir/chat_template.jinja or, where there is none, chat_template of
// dir/tokenizer_config.json: a string, or a list of which "default" is taken.
// Errors are *fsutil.InputError, a missing template among them.
func Load(dir string) (*Template, error) {
	path := filepath.Join(dir, "tokenizer_config.json")
	tokens, source, err := readConfig(path)
	if err != nil {
		return nil, fsutil.Input(path, err)
	}
	file := filepath.Join(dir, "chat_template.jinja")
	data, err := fsutil.ReadFile(file, fsutil.MaxSettings)
	if err == nil {
		path, source = file, string(data)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fsutil.Input(file, err)
	}
	if source == "" {
		return nil, fsutil.Inputf(dir, "this checkpoint has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json), as base models mostly do; give plain prompts and prompt_completion or text records instead, or put a chat_template.jinja there")
	}
	t, err := parse(source)
	if err != nil {
		return nil, fsutil.Inputf(path, "chat template: %w", err)
	}
	t.path, t.source, t.tokens = path, source, tokens
	return t, nil
}

// specialTokens are the names that transformers hands to templates.
var specialTokens = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// readConfig returns the special tokens and the template of tokenizer_config.json;
// neither if there is no such file.
func readConfig(path string) (tokens map[string]any, source string, err error) {
	data, err := fsutil.ReadFile(path, fsutil.MaxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	} else if err != nil {
		return nil, "", err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, "", err
	}
	tokens = map[string]any{}
	for _, name := range specialTokens {
		raw, ok := fields[name]
		if !ok || string(raw) == "null" {
			continue
		}
		var text string
		var object struct{ Content *string }
		if json.Unmarshal(raw, &text) == nil {
			tokens[name] = text
		} else if json.Unmarshal(raw, &object) == nil && object.Content != nil {
			tokens[name] = *object.Content
		} else {
			return nil, "", fmt.Errorf("%s: want a string or an object with content, have %.40s", name, raw)
		}
	}
	source, err = chooseTemplate(fields["chat_template"])
	return tokens, source, err
}

// chooseTemplate reads both forms of chat_template.
func chooseTemplate(raw json.RawMessage) (string, error) {
	var source string
	if len(raw) == 0 || json.Unmarshal(raw, &source) == nil { // null too
		return source, nil
	}
	var list []struct{ Name, Template string }
	if err := json.Unmarshal(raw, &list); err != nil {
		return "", fmt.Errorf("chat_template: want a string or a list of {name, template}")
	}
	var names []string
	for _, t := range list {
		if t.Name == "default" {
			return t.Template, nil
		}
		names = append(names, t.Name)
	}
	return "", fmt.Errorf(`chat_template: none of the templates (%.100s) is called "default"`, strings.Join(names, ", "))
}

// parse compiles a template.
func parse(source string) (*Template, error) {
	template, err := jinja.Compile(source, jinja.Chat)
	if err != nil {
		return nil, err
	}
	return &Template{Now: time.Now, template: template}, nil
}

// Source returns the template's own text.
func (t *Template) Source() string { return t.source }

// Render returns the text of a conversation; addGenerationPrompt ends it with
// the opening of the assistant's turn. The text holds its own BOS where the
// template writes one. A template that refuses the conversation
// (raise_exception) gives an error with its reason.
func (t *Template) Render(messages []Message, addGenerationPrompt bool) (string, error) {
	conversation := make(jinja.List, len(messages))
	for i, m := range messages {
		if !utf8.ValidString(m.Role) || !utf8.ValidString(m.Content) {
			return "", fsutil.Inputf(t.path, "chat template: message %d is not UTF-8", i+1)
		}
		conversation[i] = jinja.NewDict("role", m.Role, "content", m.Content)
	}
	values := map[string]any{
		"messages": conversation, "tools": jinja.None{}, "documents": jinja.None{}, "add_generation_prompt": addGenerationPrompt,
		"raise_exception": jinja.Function(func(reason string) (string, error) { return "", errors.New(reason) }),
		"strftime_now":    jinja.Function(func(format string) (string, error) { return strftime(t.Now(), format) }),
	}
	maps.Copy(values, t.tokens)
	text, err := t.template.Render(values)
	if err != nil {
		return "", fsutil.Inputf(t.path, "chat template: %w", err)
	}
	return text, nil
}
