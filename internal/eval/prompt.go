package eval

import (
	"strings"

	"github.com/stablelora/stablelora/internal/chat"
	"github.com/stablelora/stablelora/internal/task"
)

// Prompt says how system instruction, few-shot examples and question become one
// text. The zero value writes them one after the other.
type Prompt struct {
	System    string       // stands first; may be ""
	Chat      ChatTemplate // nil: plain text
	Multiturn bool         // with Chat: each example a turn of the user and one of the assistant, else all in one turn
}

// ChatTemplate is a checkpoint's chat template.
type ChatTemplate interface {
	Render(messages []chat.Message, addGenerationPrompt bool) (string, error)
	Source() string
}

// write gives each document its prompt.
func (q *Questions) write() error {
	examples, err := q.examples()
	if err != nil {
		return err
	}
	for i := range q.documents {
		d := &q.documents[i]
		shown, err := examples(*d)
		if err != nil {
			return err
		}
		for _, context := range d.item.Contexts {
			text, err := q.text(shown, d.item.Lead, context)
			if err != nil {
				return err
			}
			d.contexts = append(d.contexts, text)
		}
		if q.Spec.Prompt.Chat != nil && q.Task.Kind == task.Choice {
			d.item.Delimiter = "" // a turn ends with white space of the template's
		}
	}
	return nil
}

// turn is a message, and what follows it where messages are joined.
type turn struct{ role, content, delimiter string }

// text writes the prompt of one context; lead stands before the examples.
func (q *Questions) text(shown []task.Item, lead, context string) (string, error) {
	p := q.Spec.Prompt
	p.System = delimit(p.System, lead, q.Task.FewshotDelimiter())
	var turns []turn
	for _, it := range shown {
		answer := strings.TrimPrefix(it.Completion(), it.Delimiter)
		if answer == "" { // the harness shows the question alone
			turns = append(turns, turn{"user", it.Context(), ""})
			continue
		}
		turns = append(turns, turn{"user", it.Context(), q.Task.TargetDelimiter}, turn{"assistant", answer, q.Task.FewshotDelimiter()})
	}
	turns = append(turns, turn{"user", context, ""})
	if p.Chat == nil || !p.Multiturn {
		var b strings.Builder
		for _, t := range turns {
			b.WriteString(t.content)
			b.WriteString(t.delimiter)
		}
		if p.Chat == nil {
			return p.System + b.String(), nil
		}
		turns = []turn{{"user", b.String(), ""}}
	}
	return p.render(turns)
}

// delimit joins two texts, with a delimiter unless there is white space already.
func delimit(a, b, delimiter string) string {
	if a == "" || b == "" || task.TrimSpaceRight(a) != a || task.TrimSpaceRight(string([]rune(b)[:1])) == "" {
		return a + b
	}
	return a + delimiter + b
}

// render puts turns into the chat template. One that knows no system role gets
// the conversation without it, as in the harness.
func (p Prompt) render(turns []turn) (string, error) {
	var messages []chat.Message
	if p.System != "" {
		messages = append(messages, chat.Message{Role: "system", Content: p.System})
	}
	for _, t := range turns {
		messages = append(messages, chat.Message{Role: t.role, Content: t.content})
	}
	text, err := p.Chat.Render(messages, true)
	if err != nil && p.System != "" {
		text, err = p.Chat.Render(messages[1:], true)
	}
	return text, err
}
