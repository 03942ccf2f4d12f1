package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stablelora/stablelora/internal/chat"
)

// ChatTemplate renders a conversation as the checkpoint's chat template does.
type ChatTemplate interface {
	Render(messages []chat.Message, addGenerationPrompt bool) (string, error)
}

// maxMessages bounds a conversation: finding the turns renders it once for each.
const maxMessages = 1000

// parseChat renders the whole conversation. Learned is every assistant turn:
// what the rendering up to it has more than the one of the messages before it
// with the generation prompt.
func (e *encoder) parseChat(r record) (passage, error) {
	messages, err := readMessages(r)
	if err != nil {
		return passage{}, err
	}
	if err := e.loadTemplate(); err != nil {
		return passage{}, err
	}
	text, err := e.template.Render(messages, false)
	if err != nil {
		return passage{}, fmt.Errorf("the chat template refuses the conversation: %w", err)
	}
	p := passage{text: text}
	if e.cfg.TrainOn == "all" {
		return p, nil
	}
	for i, m := range messages {
		if m.Role != "assistant" {
			continue
		}
		before, err := e.prefix(text, messages[:i], true)
		var with int
		if err == nil {
			with, err = e.prefix(text, messages[:i+1], false)
		}
		if err == nil && before >= with {
			err = errors.New("the chat template renders nothing for it")
		}
		if err != nil {
			return passage{}, fmt.Errorf("message %d: %w", i+1, err)
		}
		p.learned = append(p.learned, span{before, with})
	}
	if len(p.learned) == 0 {
		return passage{}, errors.New("the conversation has no assistant message, so there is nothing to learn")
	}
	return p, nil
}

// prefix returns the length of a rendering of the first messages, which must be
// how the whole text begins.
func (e *encoder) prefix(text string, messages []chat.Message, prompt bool) (int, error) {
	part, err := e.template.Render(messages, prompt)
	if err != nil {
		return 0, fmt.Errorf("the chat template refuses the conversation up to here: %w", err)
	}
	if !strings.HasPrefix(text, part) {
		return 0, errors.New("the chat template renders the conversation up to here otherwise when more follows, so what the assistant wrote cannot be told apart; let each record end with the assistant message to learn")
	}
	return len(part), nil
}

func (e *encoder) loadTemplate() error {
	if e.template != nil {
		return nil
	}
	if e.opt.Chat == nil {
		return errors.New("format chat needs a chat template, and there is none")
	}
	template, err := e.opt.Chat()
	if err != nil {
		return &fatal{err}
	}
	e.template = template
	return nil
}

func readMessages(r record) ([]chat.Message, error) {
	if err := r.need("messages"); err != nil {
		return nil, fmt.Errorf("not a record of format chat: %w", err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(r.fields["messages"], &list); err != nil {
		return nil, fmt.Errorf("field messages must be a list, not %s", jsonKind(r.fields["messages"]))
	}
	if len(list) > maxMessages {
		return nil, fmt.Errorf("the conversation has %d messages, more than %d; split it", len(list), maxMessages)
	}
	messages := make([]chat.Message, len(list))
	for i, raw := range list {
		m, err := readRecord(raw, nil)
		if err == nil {
			err = m.need("role", "content")
		}
		var values []string
		if err == nil {
			values, err = m.texts("role", "content")
		}
		if err == nil && m.has("tool_calls") {
			err = errors.New("tool calls are not supported")
		}
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i+1, err)
		}
		messages[i] = chat.Message{Role: values[0], Content: values[1]}
	}
	return messages, nil
}
