package tokenizer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// TestRefused: what is broken or not implemented is refused by its path.
func TestRefused(t *testing.T) {
	const deep = `{"type":"Sequence","normalizers":[`
	for _, c := range []struct{ base, patch, want string }{
		{"qwen2", `{"version":"2.0"}`, `version: "2.0" is not implemented`},
		{"qwen2", `{"vocoder":1}`, `vocoder: this setting is not implemented`},
		{"qwen2", `{"normalizer":{"type":"NFKC"}}`, `normalizer.type: "NFKC" is not implemented`},
		{"qwen2", `{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]}}`,
			`normalizer.normalizers[1].type: "Lowercase" is not implemented`},
		{"qwen2", `{"normalizer":{"type":"NFC","fast":true}}`, `normalizer.fast: this setting is not implemented`},
		{"qwen2", `{"normalizer":` + strings.Repeat(deep, 40) + strings.Repeat(`]}`, 40) + `}`, `is nested too deep`},
		{"llama2", `{"normalizer":{"type":"Replace","pattern":{"Regex":" +"},"content":"x"}}`, `normalizer.pattern.String: must not be empty`},
		{"llama2", `{"normalizer":{"type":"Prepend","prepend":7}}`, `normalizer.prepend: want string, have 7`},
		{"qwen2", `{"normalizer":[]}`, `normalizer: want`},
		{"qwen2", `{"pre_tokenizer":{"type":"Whitespace"}}`, `pre_tokenizer.type: "Whitespace" is not implemented`},
		{"gpt2", `{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"use_regex":true}}`,
			`pre_tokenizer.add_prefix_space: true is not implemented`},
		{"qwen2", `{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"ByteLevel"}]}}`,
			`pre_tokenizer.pretokenizers[0].type: "Digits" is not implemented`},
		{"qwen2", `{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{N}"},"behavior":"Isolated","invert":false},{"type":"ByteLevel"}]}}`,
			`pre_tokenizer.pretokenizers[0].pattern.Regex: "\\p{N}" is not implemented`},
		{"llama2", `{"pre_tokenizer":{"type":"Metaspace","replacement":"__"}}`, `pre_tokenizer.replacement: want one character`},
		{"llama2", `{"post_processor":{"type":"BertProcessing"}}`, `post_processor.type: "BertProcessing" is not implemented`},
		{"llama2", `{"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}}],"special_tokens":{"<s>":{"ids":[1]}}}}`,
			`post_processor.single: the text itself is missing`},
		{"llama2", `{"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<x>"}},{"Sequence":{"id":"A"}}],"special_tokens":{}}}`,
			`post_processor.special_tokens.<x>: is missing`},
		{"llama2", `{"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"ids":[99999]}}}}`,
			`post_processor.special_tokens.<s>.ids: there is no token 99999`},
		{"llama2", `{"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"ids":[1` + strings.Repeat(",1", 99) + `]}}}}`,
			`post_processor.single: more than 64 tokens`},
		{"llama2", `{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"}` + strings.Repeat(`,{"type":"Replace","pattern":{"String":"a"},"content":"aa"}`, 60) + `]}}`,
			`normalizer.normalizers[4].content: replacements that lengthen a text more than 64 times`},
		{"llama2", `{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"}` + strings.Repeat(`,{"type":"Prepend","prepend":"a"}`, 60) + `]}}`,
			`normalizer.normalizers: more than 32 parts`},
		{"llama2", `{"decoder":{"type":"Sequence","decoders":[{"type":"Fuse"}` + strings.Repeat(`,{"type":"Fuse"}`, 60) + `]}}`,
			`decoder.decoders: more than 32 parts`},
		{"qwen2", `{"added_tokens":[{"id":400,"content":"` + strings.Repeat("a", 2000) + `"}]}`, `added_tokens[0].content: an added token of more than 1024 bytes`},
		{"llama2", `{"decoder":null}`, `decoder: is missing`},
		{"llama2", `{"decoder":{"type":"WordPiece"}}`, `decoder.type: "WordPiece" is not implemented`},
		{"llama2", `{"decoder":{"type":"Strip","content":" ","start":1,"stop":1}}`, `decoder.stop: 1 is not implemented`},
		{"qwen2", `{"model":{"type":"Unigram"}}`, `model.type: "Unigram" is not implemented`},
		{"qwen2", `{"model":{"dropout":0.1}}`, `model.dropout: 0.1 is not implemented`},
		{"qwen2", `{"model":{"end_of_word_suffix":"</w>"}}`, `model.end_of_word_suffix: "</w>" is not implemented`},
		{"qwen2", `{"model":{"vocab":{"a":0,"b":0}}}`, `the 2 ids must be 0, 1, ... each once`},
		{"qwen2", `{"model":{"vocab":{"a":0,"b":2}}}`, `model.vocab: "b" has id 2`},
		{"qwen2", `{"model":{"vocab":{"a":-1}}}`, `model.vocab: "a" has id -1`},
		{"qwen2", `{"model":{"vocab":{"a":4294967296}}}`, `model.vocab: want`},
		{"qwen2", `{"model":{"vocab":{"a":0},"merges":[]}}`, `the byte-level alphabet is incomplete: "Ā", for byte 0`},
		{"qwen2", `{"model":{"merges":["a b c"]}}`, `model.merges[0]: want two tokens, have "a b c"`},
		{"qwen2", `{"model":{"merges":["h e",["a"]]}}`, `model.merges[1]: want two tokens`},
		{"qwen2", `{"model":{"merges":[7]}}`, `model.merges[0]: want two tokens`},
		{"qwen2", `{"model":{"merges":["q zz"]}}`, `model.merges[0]: "q" + "zz"`},
		{"llama2", `{"model":{"unk_token":"<x>","byte_fallback":false}}`, `model.unk_token: "<x>" is not in the vocabulary`},
		{"llama2", `{"model":{"vocab":{"<unk>":0,"<0x41>":1},"merges":[]}}`, `model.byte_fallback: only 1 of the 256`},
		{"qwen2", `{"added_tokens":[null]}`, `added_tokens[0]: want an object`},
		{"qwen2", `{"added_tokens":[{"id":400,"content":""}]}`, `added_tokens[0].content: "" matches nothing`},
		{"qwen2", `{"added_tokens":[{"id":400,"content":"<x>"},{"id":401,"content":"<x>"}]}`, `added_tokens[1].content: "<x>" is there twice`},
		{"qwen2", `{"added_tokens":[{"id":7,"content":"<x>"}]}`, `added_tokens[0].id: "<x>" has id 7, but the vocabulary and the tokens before it give it 400`},
		{"qwen2", `{"added_tokens":[{"id":1e20,"content":"<x>"}]}`, `added_tokens[0].id: want int32, have 1e20`},
	} {
		var patch map[string]json.RawMessage
		if err := json.Unmarshal([]byte(c.patch), &patch); err != nil {
			t.Fatalf("%s: %v", c.patch, err)
		}
		_, err := parse(testFile(t, c.base, patch))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %.100s:\n got %v\nwant %s", c.base, c.patch, err, c.want)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	load := func(want string) *Tokenizer {
		t.Helper()
		tok, err := Load(dir)
		var input *fsutil.InputError
		if want == "" && err != nil || want != "" && (!errors.As(err, &input) || !strings.Contains(err.Error(), want)) {
			t.Fatalf("error %v, want %q", err, want)
		}
		return tok
	}
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load("tokenizer.json: there is no such file")
	for _, broken := range []string{"", "{", "[]", "null", "\xff", strings.Repeat("[", 1e5), `{"version":"1.0"}`} {
		write("tokenizer.json", []byte(broken))
		load("tokenizer.json: ")
	}
	file := testFile(t, "qwen2", nil)
	write("tokenizer.json", file)
	if size := load("").Size(); size != 403 {
		t.Errorf("%d tokens, want 403", size)
	}

	// Tokens of tokenizer_config.json are added, or must agree.
	write("tokenizer_config.json", []byte(`{"model_max_length":1e30,"added_tokens_decoder":{
		"402":{"content":"<|im_end|>","special":true},"403":{"content":"<tool>","special":false}}}`))
	tok := load("")
	if got, want := tok.Encode("<tool><|im_end|>", true), []int32{403, 402}; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("added token encodes to %v, want %v", got, want)
	}
	if id, ok := tok.Named("eos_token"); ok {
		t.Errorf("eos_token is %d where the configuration names none", id)
	}
	write("tokenizer_config.json", []byte(`{"bos_token":null,"eos_token":{"content":"<|im_end|>"},"pad_token":"<|im_end|>"}`))
	tok = load("")
	if id, ok := tok.Named("eos_token"); !ok || id != 402 {
		t.Errorf("eos_token is %d, %v", id, ok)
	}
	if _, ok := tok.Named("bos_token"); ok {
		t.Error("null is a bos_token")
	}
	for config, want := range map[string]string{
		`{"added_tokens_decoder":{"401":{"content":"<|im_end|>"}}}`:     `tokenizer_config.json: added_tokens_decoder.401.content: "<|im_end|>" has id 402 in tokenizer.json`,
		`{"added_tokens_decoder":{"500":{"content":"<x>"}}}`:            `added_tokens_decoder.500.id: "<x>" has id 500`,
		`{"added_tokens_decoder":{"99999999999":{"content":"<x>"}}}`:    `added_tokens_decoder.99999999999: want a token id`,
		`{"added_tokens_decoder":[]}`:                                   `added_tokens_decoder: want`,
		`{"added_tokens_decoder":`:                                      `unexpected end`,
		`{"added_tokens_decoder":{"403":{"content":"x","glued":true}}}`: `added_tokens_decoder.403.glued: this setting`,
		`{"added_tokens_decoder":{"0403":{"content":"x"}}}`:             `added_tokens_decoder.0403: want a token id`,
	} {
		write("tokenizer_config.json", []byte(config))
		load(want)
	}
}

func FuzzLoad(f *testing.F) {
	for _, name := range []string{"qwen2", "llama3", "gpt2", "llama2"} {
		f.Add(testFile(f, name, nil), "a <s>b<|im_end|>")
	}
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		tok, err := parse(data)
		if err != nil {
			return
		}
		for _, token := range tok.EncodeOffsets(text, true) {
			if !tok.known(token.ID) || token.Start < 0 || token.Start > token.End || token.End > len(text) {
				t.Fatalf("%q gives token %+v", text, token)
			}
			tok.Decode([]int32{token.ID}, false)
		}
	})
}

// FuzzConfig reads any tokenizer_config.json beside a good tokenizer.json.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"added_tokens_decoder":{"403":{"content":"<tool>","special":false,"lstrip":true}},"eos_token":"<tool>"}`), "a <tool> b")
	f.Add([]byte(`{"bos_token":null,"eos_token":{"content":"<|im_end|>"}}`), "x")
	file := testFile(f, "qwen2", nil)
	f.Fuzz(func(t *testing.T, config []byte, text string) {
		dir := t.TempDir()
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "tokenizer.json"), file, 0o644), os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), config, 0o644)); err != nil {
			t.Fatal(err)
		}
		tok, err := Load(dir)
		if err != nil {
			if input := (*fsutil.InputError)(nil); !errors.As(err, &input) {
				t.Errorf("not an input error: %v", err)
			}
			return
		}
		tok.Decode(tok.Encode(text, true), true)
		if id, ok := tok.Named("eos_token"); ok && !tok.known(id) {
			t.Errorf("eos_token %d is unknown", id)
		}
	})
}
