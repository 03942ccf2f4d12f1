package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/nlpodyssey/gotokenizers/models/bpemodel"
	"github.com/nlpodyssey/gotokenizers/vocabulary"
)

// parse reads the model part and returns the vocabulary by id.
func (m *model) parse(n *node) []string {
	want(n, "type", "BPE", "BPE")
	want(n, "dropout", 0.0, 0)
	want(n, "continuing_subword_prefix", "", "")
	want(n, "end_of_word_suffix", "", "")
	m.ignoreMerges = take(n, "ignore_merges", false)
	m.fuseUnk = take(n, "fuse_unk", false)
	m.byteFallback = take(n, "byte_fallback", false)
	unk := take(n, "unk_token", "")

	pieces := orderVocab(n)
	m.vocab = vocabulary.NewVocabulary()
	for _, piece := range pieces {
		m.vocab.AddTerm(piece)
	}
	m.parseMerges(n)
	m.library = bpemodel.New(m.vocab, m.merges, 0, 0, "", "", "", false)
	n.done()
	if n.file.err == nil {
		m.findBytes(n, unk)
	}
	return pieces
}

// orderVocab reads the vocabulary, whose ids must be 0, 1, ... without gaps.
func orderVocab(n *node) []string {
	ids := take(n, "vocab", map[string]int32{})
	pieces, seen := make([]string, len(ids)), make([]bool, len(ids))
	for piece, id := range ids {
		if id < 0 || int(id) >= len(ids) || seen[id] {
			n.fail("vocab", "%.40q has id %d; the %d ids must be 0, 1, ... each once", piece, id, len(ids))
			return nil
		}
		pieces[id], seen[id] = piece, true
	}
	return pieces
}

// parseMerges reads "a b" strings or ["a", "b"] pairs; the rank is the place.
func (m *model) parseMerges(n *node) {
	list := take(n, "merges", []json.RawMessage{})
	merges := make(bpemodel.MergeMap, len(list))
	m.merges, m.joined = &merges, map[[2]rune]bool{}
	rank := 0
	for i, raw := range list {
		var pair []string
		if len(raw) > 0 && raw[0] == '"' {
			var line string
			if err := json.Unmarshal(raw, &line); err == nil {
				if strings.HasPrefix(line, "#version") {
					continue
				}
				pair = strings.Split(line, " ")
			}
		} else {
			_ = json.Unmarshal(raw, &pair) // the length tells
		}
		if len(pair) != 2 {
			n.fail(fmt.Sprintf("merges[%d]", i), "want two tokens, have %.60s", raw)
			return
		}
		left, okLeft := m.vocab.GetID(pair[0])
		right, okRight := m.vocab.GetID(pair[1])
		merged, ok := m.vocab.GetID(pair[0] + pair[1])
		if !okLeft || !okRight || !ok {
			n.fail(fmt.Sprintf("merges[%d]", i), "%.40q + %.40q: one of them or the joined token is not in the vocabulary", pair[0], pair[1])
			return
		}
		m.merges.Set(left, right, bpemodel.MergeValue{Rank: rank, ID: merged})
		if !m.byteLevel {
			before, _ := utf8.DecodeLastRuneInString(pair[0])
			after, _ := utf8.DecodeRuneInString(pair[1])
			m.joined[[2]rune{before, after}] = true
		}
		rank++
	}
}

// findBytes fills byteIDs, and makes sure that no character can get lost.
func (m *model) findBytes(n *node, unk string) {
	found := 0
	for b := range 256 {
		name := fmt.Sprintf("<0x%02X>", b)
		if m.byteLevel {
			name = string(byteRune(byte(b)))
		}
		id, ok := m.vocab.GetID(name)
		m.byteIDs[b] = int32(id)
		if ok {
			found++
		} else if m.byteLevel {
			n.fail("vocab", "the byte-level alphabet is incomplete: %q, for byte %d, is missing", name, b)
		}
	}
	if m.byteLevel {
		return
	}
	if m.byteFallback && found != 0 && found != 256 {
		n.fail("byte_fallback", "only %d of the 256 tokens <0x00> to <0xFF> are in the vocabulary", found)
	}
	m.byteFallback = m.byteFallback && found == 256
	id, ok := m.vocab.GetID(unk)
	m.unk = int32(id)
	if unk == "" || !ok {
		m.unk = -1
		if !m.byteFallback {
			n.fail("unk_token", "%q is not in the vocabulary, so that unknown characters would be lost", unk)
		}
	}
}
