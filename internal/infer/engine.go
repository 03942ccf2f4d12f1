package infer

import (
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/tokenizer"
)

// Engine is a model with its tokenizer and, where one was given, an adapter.
type Engine struct {
	Model     *model.Decoder
	Tokenizer *tokenizer.Tokenizer
	Adapter   *peft.Adapter // nil: the base model
}

// Open loads a model folder and, unless adapterDir is "", an adapter. Errors
// caused by their files are InputErrors; for too little memory see CheckMemory.
func Open(modelDir, adapterDir string) (*Engine, error) {
	t, err := tokenizer.Load(modelDir)
	if err != nil {
		return nil, err
	}
	if err := CheckMemory(modelDir, adapterDir, "take a smaller model or adapter, or end other programs"); err != nil {
		return nil, err
	}
	m, err := model.Load(modelDir)
	if err != nil {
		return nil, err
	}
	e := &Engine{Model: m, Tokenizer: t}
	if err = m.CheckTokens(t.Size()); err == nil && adapterDir != "" {
		e.Adapter, err = peft.Load(adapterDir, peft.Modules(m))
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	if e.Adapter != nil {
		e.Adapter.Attach(m)
	}
	return e, nil
}

// Close releases the model.
func (e *Engine) Close() error { return e.Model.Close() }

// Encode returns the tokens of a text.
func (e *Engine) Encode(text string, addSpecial bool) []int32 {
	return e.Tokenizer.Encode(text, addSpecial)
}

// Decode returns the text of tokens.
func (e *Engine) Decode(ids []int32, skipSpecial bool) string {
	return e.Tokenizer.Decode(ids, skipSpecial)
}

// PrefixToken stands in for an empty context: BOS, else EOS, of the tokenizer
// or, where it names neither, of the model.
func (e *Engine) PrefixToken() int32 {
	for _, name := range []string{"bos_token", "eos_token"} {
		if id, ok := e.Tokenizer.Named(name); ok {
			return id
		}
	}
	c := e.Model.Config
	switch {
	case c.BOS != nil:
		return *c.BOS
	case len(c.EOS) > 0:
		return c.EOS[0]
	}
	return 0
}

// EOS returns the tokens that end a generation.
func (e *Engine) EOS() []int32 { return e.Model.Config.StopTokens }

// EOSText is how the end-of-sequence token is written.
func (e *Engine) EOSText() string {
	if id, ok := e.Tokenizer.Named("eos_token"); ok {
		return e.Tokenizer.Piece(id)
	}
	if eos := e.Model.Config.EOS; len(eos) > 0 {
		return e.Tokenizer.Piece(eos[0])
	}
	return ""
}

// MaxLength is the longest sequence the model was made for.
func (e *Engine) MaxLength() int { return e.Model.Config.MaxPositions }
