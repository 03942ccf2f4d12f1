package eval

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/task"
)

// encoder turns texts into tokens as the harness's hf backend does.
type encoder struct {
	m      Model
	prefix string // the text of m's prefix token
}

func newEncoder(m Model) encoder {
	return encoder{m, m.Decode([]int32{m.PrefixToken()}, false)}
}

// encode adds the tokenizer's special tokens unless the text starts with the
// prefix token already.
func (e encoder) encode(text string) []int32 {
	written := e.prefix != "" && strings.HasPrefix(text, e.prefix)
	return e.m.Encode(text, !written)
}

// pair returns the tokens of a context and its continuation: white space that
// ends the context moves to the continuation, both are encoded as one text,
// and the continuation's tokens are those past as many as the context alone
// has. A merge across the boundary is thus charged the way the harness charges
// it; it may even leave the continuation no token.
func (e encoder) pair(context, continuation string) (ctx, cont []int32) {
	if context == "" {
		cont = e.m.Encode(continuation, false)
		if len(cont) > 0 && cont[0] == e.m.PrefixToken() {
			return cont[:1], cont[1:]
		}
		return []int32{e.m.PrefixToken()}, cont
	}
	trimmed := task.TrimSpaceRight(context)
	whole := e.encode(context + continuation)
	ctx = e.encode(trimmed)
	return ctx, whole[min(len(ctx), len(whole)):]
}

// request is pair as a Request of at most MaxLength+1 tokens: the last one is
// only predicted. What is too long loses its beginning, which cut tells.
func (e encoder) request(context, continuation string) (req Request, cut bool, err error) {
	ctx, cont := e.pair(context, continuation)
	switch limit := e.m.MaxLength(); {
	case len(ctx) == 0:
		return Request{}, false, errors.New("the context has no token")
	case len(cont) > limit:
		return Request{}, false, fmt.Errorf("the continuation has %d tokens, but the model takes %d", len(cont), limit)
	default:
		tokens := slices.Concat(ctx, cont)
		over := max(0, len(tokens)-limit-1)
		tokens = tokens[over:]
		return Request{Tokens: tokens, From: len(tokens) - len(cont)}, over > 0, nil
	}
}
