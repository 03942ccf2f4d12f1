package tokenizer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder is one step from tokens to text; the last step's are concatenated.
type decoder func(tokens []string) []string

// Decode returns the text of ids, of any part of a sequence: bytes that do not
// make up a character become U+FFFD. Ids outside the vocabulary stand for
// nothing, and with skipSpecial special tokens do not either.
//
// Like the tokenizers library's decode, but added tokens that match normalized
// text appear, and are skipped, as tokenizer.json writes them (as before 0.23).
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	tokens := make([]string, 0, len(ids))
	for _, id := range ids {
		if t.known(id) && !(skipSpecial && t.special[id]) {
			tokens = append(tokens, t.pieces[id])
		}
	}
	for _, decode := range t.decoders {
		tokens = decode(tokens)
	}
	return strings.Join(tokens, "")
}

func decodeByteLevel(tokens []string) []string {
	var text []byte
	for _, token := range tokens {
		text = unmapBytes(text, token)
	}
	return []string{lossy(string(text))}
}

func decodeReplace(old, with string) decoder {
	return func(tokens []string) []string {
		for i, token := range tokens {
			tokens[i] = strings.ReplaceAll(token, old, with)
		}
		return tokens
	}
}

// decodeByteFallback turns each run of <0xHH> tokens into the text of those
// bytes, or into one U+FFFD a byte if it is not UTF-8.
func decodeByteFallback(tokens []string) []string {
	var out []string
	var run []byte
	flush := func() {
		switch {
		case len(run) == 0:
		case utf8.Valid(run):
			out = append(out, string(run))
		default:
			out = append(out, strings.Repeat(replacement, len(run)))
		}
		run = run[:0]
	}
	for _, token := range tokens {
		if b, ok := byteToken(token); ok {
			run = append(run, b)
			continue
		}
		flush()
		out = append(out, token)
	}
	flush()
	return out
}

// byteToken reads "<0xHH>".
func byteToken(token string) (byte, bool) {
	if len(token) != 6 || token[:3] != "<0x" || token[5] != '>' {
		return 0, false
	}
	b, err := strconv.ParseUint(token[3:5], 16, 8)
	return byte(b), err == nil
}

func decodeFuse(tokens []string) []string { return []string{strings.Join(tokens, "")} }

// decodeStrip takes up to count of content off the start of each token.
func decodeStrip(content string, count int) decoder {
	return func(tokens []string) []string {
		for i := range tokens {
			for n := 0; n < count && strings.HasPrefix(tokens[i], content); n++ {
				tokens[i] = tokens[i][len(content):]
			}
		}
		return tokens
	}
}

func decodeMetaspace(m metaspace) decoder {
	return func(tokens []string) []string {
		for i, token := range tokens {
			with := " "
			if i == 0 && m.scheme != "never" {
				with = ""
			}
			tokens[i] = strings.ReplaceAll(token, m.replacement, with)
		}
		return tokens
	}
}
