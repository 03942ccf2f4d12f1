package data

import (
	"strings"

	"github.com/stablelora/stablelora/internal/chat"
	"github.com/stablelora/stablelora/internal/config"
)

// Texts calls fn with prompt and completion of every record of files, and with
// the record, without making tokens of them. Conversations are their messages
// alone. Errors are Load's.
func Texts(cfg config.Data, files []config.DataFile, fn func(where, text, raw string)) error {
	opt := Encoding{Chat: func() (ChatTemplate, error) { return bare{}, nil }}
	l := &loader{encoder: encoder{cfg: cfg, opt: opt}, set: &Set{}}
	l.each = func(where string, r record, p passage) error {
		fn(where, p.text, string(r.raw))
		return nil
	}
	for _, f := range files {
		if err := l.file(f); err != nil {
			return err
		}
	}
	return nil
}

// bare is a chat template that adds nothing.
type bare struct{}

func (bare) Render(messages []chat.Message, _ bool) (string, error) {
	var b strings.Builder
	for _, m := range messages {
		b.WriteString(m.Content)
		b.WriteByte('\n')
	}
	return b.String(), nil
}
