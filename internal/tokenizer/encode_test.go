package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestScan(t *testing.T) {
	for _, c := range []struct {
		text                string
		qwen2, llama3, gpt2 string // words, separated by |
	}{
		{"I'LL 'llama it's", "I|'LL| '|llama| it|'s", "", "I|'|LL| '|llama| it|'s"},
		{"12345 6", "1|2|3|4|5| |6", "123|45| |6", "12345| 6"},
		{"a  b", "a| | b", "", ""},
		{"\tx \ty", "\tx| |\ty", "", "\t|x| |\t|y"},
		{"a \n\n  b", "a| \n\n| | b", "", "a| \n\n | b"},
		{"x!?\r\ny", "x|!?\r\n|y", "", "x|!?|\r|\n|y"},
		{"}\n\t\t// c\r\n", "}\n|\t|\t|//| c|\r\n", "", "}|\n\t|\t|//| c|\r\n"},
		{"end  ", "end|  ", "", ""},
		{"'ſ ½\u00a0é", "'ſ| |½|\u00a0é", "", "'|ſ| ½|\u00a0|é"},
		{" \u0301a $b", " \u0301|a| $|b", "", ""},
		{"''s", "''|s", "", ""},
	} {
		for i, want := range []string{c.qwen2, c.llama3, c.gpt2} {
			if want == "" {
				want = c.qwen2
			}
			scan := []func(string, int) int{scanTiktoken(1), scanTiktoken(3), scanGPT2}[i]
			var words []string
			for at := 0; at < len(c.text); {
				end := scan(c.text, at)
				words = append(words, c.text[at:end])
				at = end
			}
			if got := strings.Join(words, "|"); got != want {
				t.Errorf("pattern %d: %q, want %q", i, got, want)
			}
		}
	}
}

func TestTokenPlaces(t *testing.T) {
	type token struct {
		Piece      string
		Start, End int
		Added      bool
	}
	for _, c := range []struct {
		name, text string
		want       []token
	}{
		{"llama3", "é 4", []token{ // é is one token of two bytes here
			{"<|begin_of_text|>", 0, 0, true}, {"Ã©", 0, 2, false}, {"Ġ", 2, 3, false}, {"4", 3, 4, false}}},
		{"llama3", "你", []token{ // three tokens carry parts of one character
			{"<|begin_of_text|>", 0, 0, true}, {"ä", 0, 3, false}, {"½", 0, 3, false}, {"ł", 0, 3, false}}},
		{"qwen2", "xe\u0301", []token{{"x", 0, 1, false}, {"Ã©", 1, 4, false}}}, // NFC: é carries both
		{"qwen2", "\xe4\xbdx\xff", []token{ // ill-formed sequences: U+FFFD each
			{"ï", 0, 2, false}, {"¿", 0, 2, false}, {"½", 0, 2, false}, {"x", 2, 3, false},
			{"ï", 3, 4, false}, {"¿", 3, 4, false}, {"½", 3, 4, false}}},
		{"llama2", "a <s>", []token{{"<s>", 0, 0, true}, {"▁a", 0, 1, false}, {"▁", 1, 2, false}, {"<s>", 2, 5, false}}},
	} {
		tok := testTokenizer(t, c.name)
		var got []token
		for _, k := range tok.EncodeOffsets(c.text, true) {
			got = append(got, token{tok.Piece(k.ID), k.Start, k.End, k.Added})
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %q:\n%s", c.name, c.text, diff)
		}
	}
}

func TestAccessors(t *testing.T) {
	tok := testTokenizer(t, "llama3")
	bos, ok := tok.ID("<|begin_of_text|>")
	if !ok || bos != 400 || !slices.Equal(tok.Prefix(), []int32{bos}) || len(tok.suffix) != 0 {
		t.Errorf("begin of text %d %v, prefix %v, suffix %v", bos, ok, tok.Prefix(), tok.suffix)
	}
	if id, ok := tok.ID("Ġthe"); !ok || tok.Piece(id) != "Ġthe" {
		t.Errorf("Ġthe: %d %v %q", id, ok, tok.Piece(id))
	}
	if _, ok := tok.ID("nothing"); ok || tok.Piece(-1) != "" || tok.Piece(int32(tok.Size())) != "" {
		t.Error("unknown tokens are told wrong")
	}
	if got := tok.Decode([]int32{-1, bos, 39, 403, 1 << 30}, true); got != "H" {
		t.Errorf("decoded %q, want H", got)
	}
}

// TestDecodePrefixes: a part of a sequence decodes to the text so far, with
// U+FFFD in the place of an unfinished character.
func TestDecodePrefixes(t *testing.T) {
	const text = "a 你好é\u0301 b"
	for _, name := range []string{"llama3", "llama2"} {
		tok := testTokenizer(t, name)
		ids := tok.Encode(text, false)
		for n := range len(ids) + 1 {
			got := strings.TrimRight(tok.Decode(ids[:n], true), replacement)
			if !strings.HasPrefix(text, got) || n == len(ids) && got != text {
				t.Errorf("%s: %d tokens decode to %q", name, n, got)
			}
		}
	}
	if got := lossy("\xf0\x9f\x98a\xe0\x80\xed\xa0\x80\xc3"); got != strings.ReplaceAll("?a??????", "?", replacement) {
		t.Errorf("ill-formed sequences: %q", got)
	}
}

// TestMergesAgree: the library, the own loop, and the own loop on separable
// parts give the same symbols.
func TestMergesAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	gpt2, llama2 := testTokenizer(t, "gpt2"), testTokenizer(t, "llama2")
	words := strings.Fields("the water weights ou ther é forêt ß 你 ▁ ▁the x -- 7 'll")
	for range 300 {
		var b strings.Builder
		for range 1 + r.IntN(40) {
			b.WriteString(words[r.IntN(len(words))])
		}
		word := b.String()
		m := &gpt2.model
		symbols := make([]symbol, len(word))
		for i := range symbols {
			symbols[i] = symbol{m.byteIDs[word[i]], 1}
		}
		if diff := cmp.Diff(m.merge(word), mergeAll(symbols, m.merges), cmp.AllowUnexported(symbol{})); len(word) <= maxLibraryWord && diff != "" {
			t.Fatalf("%q: library and own loop:\n%s", word, diff)
		}
		m = &llama2.model
		var parts []symbol
		m.encode(word, func(s []symbol) { parts = append(parts, s...) })
		if diff := cmp.Diff(m.merge(word), parts, cmp.AllowUnexported(symbol{})); diff != "" {
			t.Fatalf("%q: whole and in parts:\n%s", word, diff)
		}
	}
}

// TestNoQuadraticTime: inputs of 200 KB that are one word, one run of spaces, one
// run of marks, or nothing but beginnings of added tokens.
func TestNoQuadraticTime(t *testing.T) {
	const n = 200_000
	for _, name := range []string{"qwen2", "gpt2", "llama2"} {
		tok := testTokenizer(t, name)
		for _, part := range []string{"a", " ", "\n ", "\u0301\u0323", "<|im_star", "\xff", "7", "'", "'s", "a1", " '\n", "a\u0301", "\u1100", "▁ ", "<|im_end|> "} {
			start := time.Now()
			ids := tok.Encode(strings.Repeat(part, n/len(part)), true)
			tok.Decode(ids, true)
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%s: 200 KB of %q took %v", name, part, d)
			}
		}
	}
}

func TestConcurrentUseAndCache(t *testing.T) {
	texts := []string{"the water weights", "12345 boxes, the others", "forêt  près de", strings.Repeat("weather ", 50)}
	for _, name := range []string{"llama3", "llama2"} {
		tok := testTokenizer(t, name)
		var want [][]int32
		for _, text := range texts {
			want = append(want, testTokenizer(t, name).Encode(text, true)) // empty cache
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					for i, text := range texts {
						if got := tok.Encode(text, true); !slices.Equal(got, want[i]) {
							t.Errorf("%q: %v, want %v", text, got, want[i])
						}
					}
				}
			})
		}
		wg.Wait()
	}
	var c wordCache
	for i := range maxCachedWords + 10 {
		c.put(string(rune('一'+i%20000))+string(rune('一'+i/20000)), nil)
	}
	if len(c.words) > maxCachedWords {
		t.Errorf("the cache holds %d words", len(c.words))
	}
}

// FuzzRoundTrip: byte-level without normalizer loses nothing, and every byte of
// the text is in a token.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"", "Hello it's 12345\r\n\n  x", "é你\u0301 <|eot_id|>", "\xff\xe4\xbd", "  \u00a0 \t"} {
		f.Add(s)
	}
	llama3, gpt2, llama2 := testTokenizer(f, "llama3"), testTokenizer(f, "gpt2"), testTokenizer(f, "llama2")
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range []*Tokenizer{llama3, gpt2, llama2} {
			tokens := tok.EncodeOffsets(text, false)
			ids, covered := make([]int32, len(tokens)), 0
			for i, k := range tokens {
				ids[i] = k.ID
				if k.Start > covered || k.End <= k.Start || k.End < covered {
					t.Fatalf("%q: token %d is at %d:%d after %d", text, i, k.Start, k.End, covered)
				}
				covered = k.End
			}
			if covered != len(text) {
				t.Errorf("%q: only %d bytes are in tokens", text, covered)
			}
			got := tok.Decode(ids, false)
			if tok != llama2 && got != lossy(text) {
				t.Errorf("%q comes back as %q", text, got)
			}
			if !utf8.ValidString(got) {
				t.Errorf("%q decodes to invalid UTF-8", text)
			}
		}
	})
}

// FuzzDecode: any ids decode to UTF-8.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 1, 39, 0, 255, 255, 3, 200})
	toks := []*Tokenizer{testTokenizer(f, "llama3"), testTokenizer(f, "gpt2"), testTokenizer(f, "llama2")}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var ids []int32
		for i := 0; i+1 < len(raw); i += 2 {
			ids = append(ids, int32(int16(uint16(raw[i])|uint16(raw[i+1]&0x83)<<8)))
		}
		for _, tok := range toks {
			if text := tok.Decode(ids, len(raw)%2 == 1); !utf8.ValidString(text) {
				t.Errorf("%v decodes to %q", ids, text)
			}
		}
	})
}
