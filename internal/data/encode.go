package data

import (
	"errors"
	"fmt"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/tokenizer"
)

// Tokenizer is what data needs of *tokenizer.Tokenizer.
type Tokenizer interface {
	EncodeOffsets(text string, addSpecial bool) []tokenizer.Token
	Prefix() []int32 // what the post-processor puts in front: none, or BOS
}

// Encoding is what turns texts into tokens, beside the configuration.
type Encoding struct {
	Tokenizer Tokenizer
	EOS       *int32                       // end-of-sequence token; nil: the model has none
	Chat      func() (ChatTemplate, error) // asked once, by the first record of format chat
}

// Example is one record as tokens.
type Example struct {
	Tokens []int32
	Source string // file:line
	// Token ranges that are supervised, ascending, not touching.
	supervised []span
}

// NewExample makes an example of tokens at hand; the first is never supervised.
func NewExample(tokens []int32, supervised func(i int) bool) *Example {
	x := &Example{}
	for i, id := range tokens {
		x.append(id, i > 0 && supervised(i))
	}
	return x
}

// Supervised tells whether token i is one to be learnt. Token 0 never is.
func (e *Example) Supervised(i int) bool {
	for _, s := range e.supervised {
		if i < s.end {
			return i >= s.start
		}
	}
	return false
}

// NumSupervised counts the supervised tokens; it is at least 1.
func (e *Example) NumSupervised() int {
	n := 0
	for _, s := range e.supervised {
		n += s.end - s.start
	}
	return n
}

// encoder turns passages into examples.
type encoder struct {
	cfg      config.Data
	opt      Encoding
	template ChatTemplate // nil until the first record of format chat
}

// example tokenizes a passage. It is nil if the passage is too long and to be
// dropped; cut tells that it was truncated.
func (e *encoder) example(source string, p passage) (x *Example, cut bool, err error) {
	tokens := e.tokens(p.text)
	x = &Example{Tokens: make([]int32, 0, len(tokens)+1), Source: source}
	learned := p.learned
	for i, t := range tokens {
		for len(learned) > 0 && learned[0].end <= t.Start {
			learned = learned[1:]
		}
		carries := !t.Added && len(learned) > 0 && t.End > learned[0].start && t.End > t.Start
		x.append(t.ID, i > 0 && (carries || e.cfg.TrainOn == "all"))
	}
	if e.cfg.AppendEOS {
		x.endWith(*e.opt.EOS)
	}
	if x.NumSupervised() == 0 {
		return nil, false, errors.New("the record has no supervised token, so there is nothing to learn")
	}
	if n, most := len(x.Tokens), e.cfg.MaxLength; n > most {
		switch e.cfg.OnOverflow {
		case "drop":
			return nil, false, nil
		case "truncate":
			x.truncate(most)
			if x.NumSupervised() == 0 {
				return nil, false, fmt.Errorf("the first %d of the record's %d tokens hold none to learn; raise data.max_length, or set data.on_overflow to drop", most, n)
			}
			return x, true, nil
		default:
			return nil, false, fmt.Errorf("the record has %d tokens, data.max_length is %d; raise it, or set data.on_overflow to drop or truncate", n, most)
		}
	}
	return x, false, nil
}

// tokens encodes a text with the tokenizer's special tokens, of which those in
// front are left out where the text has them written out itself.
func (e *encoder) tokens(text string) []tokenizer.Token {
	tokens := e.opt.Tokenizer.EncodeOffsets(text, true)
	prefix := e.opt.Tokenizer.Prefix()
	n := len(prefix)
	if n == 0 || len(tokens) < 2*n {
		return tokens
	}
	for i, id := range prefix {
		if tokens[n+i].ID != id || tokens[n+i].Added {
			return tokens
		}
	}
	return tokens[n:]
}

func (x *Example) append(id int32, supervised bool) {
	i := len(x.Tokens)
	x.Tokens = append(x.Tokens, id)
	if !supervised {
		return
	}
	if last := len(x.supervised) - 1; last >= 0 && x.supervised[last].end == i {
		x.supervised[last].end = i + 1
		return
	}
	x.supervised = append(x.supervised, span{i, i + 1})
}

// endWith makes the end-of-sequence token the last one, supervised, also where
// the text or the post-processor has put it there already.
func (x *Example) endWith(eos int32) {
	if last := len(x.Tokens) - 1; last > 0 && x.Tokens[last] == eos {
		x.Tokens = x.Tokens[:last]
		x.truncate(last)
	}
	x.append(eos, len(x.Tokens) > 0)
}

// truncate keeps the first n tokens.
func (x *Example) truncate(n int) {
	x.Tokens = x.Tokens[:n]
	for i, s := range x.supervised {
		if s.end > n {
			x.supervised = x.supervised[:i]
			if s.start < n {
				x.supervised = append(x.supervised, span{s.start, n})
			}
			return
		}
	}
}
