package tokenizer

import "slices"

// A Token is an id and the bytes text[Start:End] of the characters it carries:
// whole code points, so tokens that share a multi-byte character overlap.
// Spaces count: "Ġ4" carries the space too.
type Token struct {
	ID         int32
	Start, End int
	Added      bool // by the post-processor; carries nothing, Start = End = 0
}

// Tokenizer is one loaded tokenizer.json. Its methods may be called from any
// number of goroutines.
type Tokenizer struct {
	pieces   []string         // by id
	special  []bool           // by id
	addedIDs map[string]int32 // of the added tokens
	named    map[string]int32 // bos_token and eos_token, where tokenizer_config.json has them

	raw, normed    addedTrie // tokens that match the text as it is, and normalized
	normalizers    []normalizer
	pre            preTokenizer
	model          model
	prefix, suffix []int32
	decoders       []decoder
}

// Encode returns the ids of text; addSpecial puts the post-processor's own
// around them. Special tokens written out in the text are recognised either way.
func (t *Tokenizer) Encode(text string, addSpecial bool) []int32 {
	tokens := t.EncodeOffsets(text, addSpecial)
	ids := make([]int32, len(tokens))
	for i, tok := range tokens {
		ids[i] = tok.ID
	}
	return ids
}

// EncodeOffsets is Encode with the place of each token in text. Invalid UTF-8
// is read as Python's errors="replace" does: one U+FFFD for each maximal
// ill-formed sequence, whose bytes the offsets then cover.
func (t *Tokenizer) EncodeOffsets(text string, addSpecial bool) []Token {
	out := make([]Token, 0, len(text)/3+2)
	if addSpecial {
		out = appendAdded(out, t.prefix)
	}
	whole := repair(aligned{text: text})
	t.raw.split(whole.text, func(id int32, i, j int) {
		piece := whole.slice(i, j)
		if id >= 0 {
			out = append(out, piece.token(id, 0, len(piece.text)))
			return
		}
		for _, normalize := range t.normalizers {
			piece = normalize(piece)
		}
		t.normed.split(piece.text, func(id int32, i, j int) {
			if id >= 0 {
				out = append(out, piece.token(id, i, j))
				return
			}
			out = t.encodePiece(out, piece.slice(i, j))
		})
	})
	if addSpecial {
		out = appendAdded(out, t.suffix)
	}
	return out
}

// encodePiece appends the tokens of normalized text without added tokens.
func (t *Tokenizer) encodePiece(out []Token, piece aligned) []Token {
	piece = t.pre.prepare(piece)
	for i := 0; i < len(piece.text); {
		end := t.pre.next(piece.text, i)
		t.model.encode(piece.text[i:end], func(symbols []symbol) {
			for _, s := range symbols {
				out = append(out, piece.token(s.id, i, i+int(s.n)))
				i += int(s.n)
			}
		})
	}
	return out
}

func appendAdded(out []Token, ids []int32) []Token {
	for _, id := range ids {
		out = append(out, Token{ID: id, Added: true})
	}
	return out
}

// Piece returns the token as the vocabulary writes it ("Ġworld", "▁world"), or
// "" for an id outside the vocabulary.
func (t *Tokenizer) Piece(id int32) string {
	if !t.known(id) {
		return ""
	}
	return t.pieces[id]
}

// ID returns the id of a token as the vocabulary writes it.
func (t *Tokenizer) ID(piece string) (int32, bool) {
	if id, ok := t.addedIDs[piece]; ok {
		return id, true
	}
	id, ok := t.model.vocab.GetID(piece)
	return int32(id), ok
}

// Named returns the token that tokenizer_config.json calls bos_token or eos_token.
func (t *Tokenizer) Named(name string) (int32, bool) {
	id, ok := t.named[name]
	return id, ok
}

// Size returns the highest id + 1. A model's embedding may have more rows.
func (t *Tokenizer) Size() int { return len(t.pieces) }

// Prefix returns the ids the post-processor puts in front of a text: [] or [BOS].
func (t *Tokenizer) Prefix() []int32 { return slices.Clone(t.prefix) }

func (t *Tokenizer) known(id int32) bool { return id >= 0 && int(id) < len(t.pieces) }
