package tokenizer

import (
	"unicode/utf8"

	"github.com/nlpodyssey/gotokenizers/models/bpemodel"
	"github.com/nlpodyssey/gotokenizers/vocabulary"
)

// maxLibraryWord is the longest word, in bytes, that bpemodel merges; its cost
// grows quadratically, so longer words go through mergeAll.
const maxLibraryWord = 1 << 10

// symbol is a token of a word and how many of the word's bytes it carries.
type symbol struct {
	id int32
	n  int32
}

// model is byte-pair encoding (Sennrich et al. 2016) over the characters of a
// word, or over its bytes written as characters.
type model struct {
	vocab        *vocabulary.Vocabulary
	merges       *bpemodel.MergeMap
	library      *bpemodel.BPEModel
	ignoreMerges bool // a word that is in the vocabulary is that token
	cache        wordCache

	byteLevel bool
	// Byte-level: the id of each byte's character. Else the ids of <0x00> to
	// <0xFF> if byteFallback.
	byteIDs      [256]int32
	byteFallback bool
	unk          int32            // of characters outside the vocabulary; -1: cannot occur
	fuseUnk      bool             // one unk for a run of them
	joined       map[[2]rune]bool // neighbours in tokens that merges make; not for byte-level
}

// encode hands over the symbols of a word that is not empty, part by part. All
// bytes of the word are in one of them.
func (m *model) encode(word string, emit func([]symbol)) {
	if m.byteLevel {
		emit(m.cached(word))
		return
	}
	if m.ignoreMerges {
		if id, ok := m.vocab.GetID(word); ok {
			emit([]symbol{{int32(id), int32(len(word))}})
			return
		}
	}
	for i := 0; i < len(word); {
		end := m.separable(word, i)
		emit(m.cached(word[i:end]))
		i = end
	}
}

// separable returns the first place after i that no merge can join across: both
// characters are in the vocabulary, and side by side in no merged token. What
// lies on either side is then encoded alone, which makes the cache useful where
// a whole text is one word.
func (m *model) separable(word string, i int) int {
	left, n := utf8.DecodeRuneInString(word[i:])
	for i += n; i < len(word); i += n {
		var right rune
		right, n = utf8.DecodeRuneInString(word[i:])
		if !m.joined[[2]rune{left, right}] && m.isSymbol(left) && m.isSymbol(right) {
			return i
		}
		left = right
	}
	return i
}

func (m *model) isSymbol(r rune) bool {
	_, ok := m.vocab.GetID(string(r))
	return ok
}

// cached returns the symbols of a word, from the cache if possible.
func (m *model) cached(word string) []symbol {
	if len(word) > maxCachedWord {
		return m.merge(word)
	}
	symbols, ok := m.cache.get(word)
	if !ok {
		symbols = m.merge(word)
		m.cache.put(word, symbols)
	}
	return symbols
}

// merge applies BPE to a word.
func (m *model) merge(word string) []symbol {
	if !m.byteLevel {
		return mergeAll(m.characters(word), m.merges)
	}
	mapped := mapBytes(word)
	if m.ignoreMerges {
		if id, ok := m.vocab.GetID(mapped); ok {
			return []symbol{{int32(id), int32(len(word))}}
		}
	}
	if len(word) <= maxLibraryWord {
		if tokens, err := m.library.Tokenize(mapped); err == nil {
			symbols := make([]symbol, len(tokens))
			for i, t := range tokens { // one character is one byte
				symbols[i] = symbol{int32(t.ID), int32(utf8.RuneCountInString(t.Value))}
			}
			return symbols
		}
	}
	symbols := make([]symbol, len(word))
	for i := range len(word) {
		symbols[i] = symbol{m.byteIDs[word[i]], 1}
	}
	return mergeAll(symbols, m.merges)
}

// characters returns the symbols of a word's characters, before any merge.
func (m *model) characters(word string) []symbol {
	symbols := make([]symbol, 0, len(word))
	inUnk := false
	for i := 0; i < len(word); {
		_, n := utf8.DecodeRuneInString(word[i:])
		id, ok := m.vocab.GetID(word[i : i+n])
		switch {
		case ok:
			symbols = append(symbols, symbol{int32(id), int32(n)})
		case m.byteFallback:
			for _, b := range []byte(word[i : i+n]) {
				symbols = append(symbols, symbol{m.byteIDs[b], 1})
			}
		case inUnk && m.fuseUnk:
			symbols[len(symbols)-1].n += int32(n)
		default:
			symbols = append(symbols, symbol{m.unk, int32(n)})
		}
		inUnk = !ok && !m.byteFallback
		i += n
	}
	return symbols
}
