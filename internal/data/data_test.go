package data

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/chat"
	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/tokenizer"
)

// letters is a tokenizer of one token per byte, BOS in front.
type letters struct{}

const (
	bos, eos = 256, 257
	bosText  = "<s>"
)

func (letters) Prefix() []int32 { return []int32{bos} }

func (letters) EncodeOffsets(text string, addSpecial bool) []tokenizer.Token {
	var out []tokenizer.Token
	if addSpecial {
		out = append(out, tokenizer.Token{ID: bos, Added: true})
	}
	for i := 0; i < len(text); i++ {
		if strings.HasPrefix(text[i:], bosText) {
			out = append(out, tokenizer.Token{ID: bos, Start: i, End: i + len(bosText)})
			i += len(bosText) - 1
			continue
		}
		out = append(out, tokenizer.Token{ID: int32(text[i]), Start: i, End: i + 1})
	}
	return out
}

// marked writes an example of letters with the supervised stretches in {}.
func marked(x *Example) string {
	var b strings.Builder
	for i, id := range x.Tokens {
		if x.Supervised(i) && (i == 0 || !x.Supervised(i-1)) {
			b.WriteByte('{')
		}
		switch id {
		case bos:
			b.WriteString("^")
		case eos:
			b.WriteString("$")
		default:
			b.WriteByte(byte(id))
		}
		if x.Supervised(i) && !x.Supervised(i+1) {
			b.WriteByte('}')
		}
	}
	return b.String()
}

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func encoding() Encoding {
	end := int32(eos)
	return Encoding{Tokenizer: letters{}, EOS: &end, Chat: func() (ChatTemplate, error) { return chatML{}, nil }}
}

// chatML renders like Qwen2; an empty content is rendered as nothing.
type chatML struct{}

func (chatML) Render(messages []chat.Message, addGenerationPrompt bool) (string, error) {
	var b strings.Builder
	for i, m := range messages {
		switch {
		case m.Role == "tool":
			return "", errors.New("no tools here")
		case m.Content == "thought" && i+1 < len(messages):
			continue // as templates that drop earlier reasoning do
		}
		fmt.Fprintf(&b, "[%s]%s;", m.Role, m.Content)
	}
	if addGenerationPrompt {
		b.WriteString("[assistant]")
	}
	return b.String(), nil
}

func load(t *testing.T, cfg config.Data, text string, files ...config.DataFile) (*Set, error) {
	t.Helper()
	if len(files) == 0 {
		files = []config.DataFile{{Format: "auto"}}
	}
	for i := range files {
		files[i].Path = write(t, text)
	}
	return Load(cfg, files, encoding())
}

func defaults() config.Data { return config.Default().Data }

func TestGolden(t *testing.T) {
	tok, err := tokenizer.Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("testdata/records.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	end, _ := tok.ID("<|eos|>")
	straddling := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var row struct {
			Format             string
			Record             json.RawMessage
			Prompt, Completion string
			IDs                []int32
			Supervised         []int
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{row.Format, "auto"} {
			files := []config.DataFile{{Path: write(t, string(row.Record)), Format: name}}
			set, err := Load(defaults(), files, Encoding{Tokenizer: tok, EOS: &end})
			if err != nil {
				t.Errorf("%s: %v", row.Format, err)
				continue
			}
			x := set.Examples[0]
			mask := make([]int, len(x.Tokens))
			for i := range mask {
				if x.Supervised(i) {
					mask[i] = 1
				}
			}
			if d := cmp.Diff(row.IDs, x.Tokens); d != "" || set.Files[0].Format != row.Format {
				t.Errorf("%s as %s, of %q: %s", row.Format, set.Files[0].Format, row.Prompt, d)
			} else if d := cmp.Diff(row.Supervised, mask); d != "" {
				t.Errorf("%s: supervised: %s", row.Format, d)
			}
		}
		boundary := func(tk tokenizer.Token) bool { return tk.Start < len(row.Prompt) && tk.End > len(row.Prompt) }
		if slices.ContainsFunc(tok.EncodeOffsets(row.Prompt+row.Completion, true), boundary) {
			straddling++
		}
	}
	if straddling == 0 {
		t.Error("no record has a token over the boundary of prompt and completion")
	}
}

func TestSupervision(t *testing.T) {
	for _, tc := range []struct {
		name, record, want string
		change             func(c *config.Data)
	}{
		{"completion", `{"prompt":"ab","completion":"cd"}`, "^ab{cd$}", nil},
		{"all", `{"prompt":"ab","completion":"cd"}`, "^{abcd$}", func(c *config.Data) { c.TrainOn = "all" }},
		{"no eos", `{"prompt":"ab","completion":"cd"}`, "^ab{cd}", func(c *config.Data) { c.AppendEOS = false }},
		{"bos written out", `{"prompt":"<s>ab","completion":"cd"}`, "^ab{cd$}", nil},
		{"bos written out, nothing else", `{"text":"<s>"}`, "^{$}", nil},
		{"bos in the completion", `{"prompt":"","completion":"<s>cd"}`, "^{cd$}", nil},
		{"bos later", `{"prompt":"a<s>","completion":"c"}`, "^a^{c$}", nil},
		{"text", `{"text":"ab"}`, "^{ab$}", nil},
		{"at the limit", `{"prompt":"ab","completion":"cd"}`, "^ab{cd$}", func(c *config.Data) { c.MaxLength = 6 }},
		{"truncated", `{"prompt":"ab","completion":"cd"}`, "^ab{c}", func(c *config.Data) { c.MaxLength, c.OnOverflow = 4, "truncate" }},
		{"chat", `{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"A"},{"role":"user","content":"v"},{"role":"assistant","content":"B"}]}`,
			"^[user]u;[assistant]{A;}[user]v;[assistant]{B;$}", nil},
		{"chat, all", `{"messages":[{"role":"assistant","content":"A"},{"role":"user","content":"v"}]}`,
			"^{[assistant]A;[user]v;$}", func(c *config.Data) { c.TrainOn = "all" }},
		{"chat that changes, all", `{"messages":[{"role":"assistant","content":"thought"},{"role":"user","content":"v"}]}`,
			"^{[user]v;$}", func(c *config.Data) { c.TrainOn = "all" }},
		{"chat, user last", `{"messages":[{"role":"assistant","content":"A"},{"role":"user","content":"v"}]}`,
			"^[assistant]{A;}[user]v;{$}", nil},
	} {
		cfg := defaults()
		if tc.change != nil {
			tc.change(&cfg)
		}
		set, err := load(t, cfg, tc.record)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		x := set.Examples[0]
		if got := marked(x); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
		n := 0
		for i := range x.Tokens {
			if x.Supervised(i) {
				n++
			}
		}
		if x.NumSupervised() != n || !strings.HasSuffix(x.Source, "d.jsonl:1") {
			t.Errorf("%s: counts %d for %d supervised, source %s", tc.name, x.NumSupervised(), n, x.Source)
		}
	}
}

func TestEndOfSequenceIsNotDoubled(t *testing.T) {
	x := NewExample([]int32{bos, 'a', eos}, func(i int) bool { return i < 2 })
	x.endWith(eos)
	if got := marked(x); got != "^{a$}" {
		t.Errorf("got %s", got)
	}
}

func TestSetCounts(t *testing.T) {
	cfg := defaults()
	cfg.MaxLength, cfg.OnOverflow = 6, "drop"
	text := `{"text":"one"}` + "\n\n" + `{"text":"far too long"}` + "\n" + `{"text":"two"}` + "\n" + `{"text":"one"}` + "\n" + `{"text":"last"}`
	set, err := load(t, cfg, text, config.DataFile{Format: "auto"}, config.DataFile{Format: "text", MaxSamples: 2})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range set.Examples {
		got = append(got, marked(x)+x.Source[strings.LastIndex(x.Source, ":"):])
	}
	if d := cmp.Diff([]string{"^{one$}:1", "^{two$}:4", "^{one$}:5", "^{last$}:6", "^{one$}:1"}, got); d != "" {
		t.Error(d)
	}
	if set.Dropped != 2 || set.Repeated != 2 || set.Tokens() != 26 || set.Supervised() != 21 || set.Longest() != 6 {
		t.Errorf("dropped %d, repeated %d, tokens %d, supervised %d, longest %d",
			set.Dropped, set.Repeated, set.Tokens(), set.Supervised(), set.Longest())
	}
	want := []string{set.Files[0].Path + ": 4 records of format text, chosen by the fields text",
		set.Files[1].Path + ": 1 records of format text",
		"2 records were dropped, being longer than data.max_length", "2 records repeat an earlier one"}
	if d := cmp.Diff(want, set.Notes()); d != "" {
		t.Error(d)
	}
	// What lies behind max_samples is not even looked at.
	if set, err = load(t, cfg, "{\"text\":\"one\"}\nbroken", config.DataFile{Format: "text", MaxSamples: 1}); err != nil || len(set.Examples) != 1 {
		t.Errorf("max_samples: %v", err)
	}
	if _, err := load(t, config.Data{MaxLength: 2, OnOverflow: "drop", AppendEOS: true}, text); err == nil ||
		!strings.Contains(err.Error(), "every record is longer than data.max_length 2") {
		t.Errorf("all dropped: %v", err)
	}
}

func TestHashTellsTokensAndSupervision(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{`{"prompt":"a","completion":"b"}`, `{"prompt":"","completion":"ab"}`, `{"text":"b"}`,
		"{\"text\":\"a\"}\n{\"text\":\"b\"}", "{\"text\":\"b\"}\n{\"text\":\"a\"}"} {
		set, err := load(t, defaults(), text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := load(t, defaults(), " "+text)
		if err != nil || set.Hash != again.Hash {
			t.Errorf("%s: not the same hash twice: %v", text, err)
		}
		if other, ok := seen[set.Hash]; ok {
			t.Errorf("%s and %s have the same hash", text, other)
		}
		seen[set.Hash] = text
	}
}

func TestColumns(t *testing.T) {
	text := `{"Frage":"q","prompt":"no","Antwort.1":"a"}`
	for _, name := range []string{"auto", "gsm8k"} {
		set, err := load(t, defaults(), text, config.DataFile{Format: name, Columns: map[string]string{"question": "Frage", "answer": "Antwort.1"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := marked(set.Examples[0]); got != "^Question: q\nAnswer:{ a$}" {
			t.Errorf("%s: got %s", name, got)
		}
	}
	_, err := load(t, defaults(), text, config.DataFile{Format: "alpaca", Columns: map[string]string{"question": "Frage"}})
	var usage *config.Error
	if !errors.As(err, &usage) || !strings.HasSuffix(err.Error(), `columns: format alpaca has no field "question"; it has instruction, output, input`) {
		t.Errorf("unknown field: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	chatOf := func(messages string) string { return `{"messages":[` + messages + `]}` }
	const user, assistant = `{"role":"user","content":"u"}`, `{"role":"assistant","content":"a"}`
	for _, tc := range []struct{ name, format, text, want string }{
		{"missing field", "alpaca", `{"instruction":"i","x":1}`,
			":1: not a record of format alpaca: it needs the fields instruction, output; found are: instruction, x"},
		{"null field", "text", `{"text":null}`, ":1: not a record of format text: it needs the fields text; found are: text"},
		{"wrong type", "text", "{\"text\":\"a\"}\n{\"text\":[1]}", ":2: not a record of format text: field text must be a text, not a list"},
		{"input of a wrong type", "alpaca", `{"instruction":"i","input":3,"output":"o"}`,
			":1: not a record of format alpaca: field input must be a text, not a number"},
		{"empty completion", "prompt_completion", `{"prompt":"a","completion":""}`, ":1: its completion is empty, so there is nothing to learn"},
		{"empty answer", "gsm8k", `{"question":"a","answer":""}`, ":1: its answer is empty, so there is nothing to learn"},
		{"task's own check", "piqa", `{"goal":"g","sol1":"a","sol2":"b","label":2}`, ":1: not a piqa document: its label names none of the 2 choices"},
		{"no format fits", "auto", `{"a":1,"b":2}`,
			":1: no format fits the record, whose fields are: a, b; name one with format, and columns where the fields have other names"},
		{"other fields later", "auto", "{\"text\":\"a\"}\n{\"prompt\":\"a\",\"completion\":\"b\"}",
			":2: not a record of format text: it needs the fields text; found are: completion, prompt (format auto chose text because the first record has the fields text)"},
		{"too long", "text", `{"text":"0123456789"}`, ":1: the record has 12 tokens, data.max_length is 8; raise it, or set data.on_overflow to drop or truncate"},
		{"broken JSON", "text", "{\"text\":\"a\"}\n{\"text\"\n", ":2: the record is not JSON"},
		{"conversation without assistant", "chat", chatOf(user), ":1: the conversation has no assistant message, so there is nothing to learn"},
		{"message without role", "chat", chatOf(user + `,{"content":"a"}`), ":1: message 2: it needs the fields role, content; found are: content"},
		{"content in parts", "chat", chatOf(`{"role":"user","content":[{}]}`), ":1: message 1: field content must be a text, not a list"},
		{"message no object", "chat", chatOf(`7`), ":1: message 1: the record is not a JSON object"},
		{"tool calls", "chat", chatOf(`{"role":"assistant","content":"","tool_calls":[]}`), ":1: message 1: tool calls are not supported"},
		{"messages no list", "chat", `{"messages":{}}`, ":1: field messages must be a list, not an object"},
		{"too many messages", "chat", chatOf(strings.Repeat(user+",", 1000) + assistant), ":1: the conversation has 1001 messages, more than 1000; split it"},
		{"template refuses", "chat", chatOf(`{"role":"tool","content":"x"}`), ":1: the chat template refuses the conversation: no tools here"},
		{"template drops", "chat", chatOf(`{"role":"assistant","content":"thought"},` + user), ":1: message 1: the chat template renders the conversation up to here otherwise when more follows"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := defaults()
			cfg.MaxLength = 8
			_, err := load(t, cfg, tc.text, config.DataFile{Format: tc.format})
			var in *fsutil.InputError
			if !errors.As(err, &in) {
				t.Fatalf("got %v, want an input error", err)
			}
			if _, got, _ := strings.Cut(err.Error(), "d.jsonl"); !strings.HasPrefix(got, tc.want) {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestLoadRefusesSettings(t *testing.T) {
	path := write(t, `{"messages":[{"role":"user","content":"u"}]}`)
	broken := errors.New("no chat template")
	_, err := Load(defaults(), []config.DataFile{{Path: path, Format: "auto"}}, Encoding{Tokenizer: letters{}, EOS: new(int32),
		Chat: func() (ChatTemplate, error) { return nil, broken }})
	if err != broken {
		t.Errorf("error of the template: %v", err)
	}
	var usage *config.Error
	if _, err = Load(defaults(), nil, Encoding{Tokenizer: letters{}}); !errors.As(err, &usage) {
		t.Errorf("append_eos without a token: %v", err)
	}
	cfg := defaults()
	cfg.MaxLength, cfg.OnOverflow = 3, "truncate"
	if _, err = load(t, cfg, `{"prompt":"ab","completion":"c"}`); err == nil || !strings.Contains(err.Error(), ":1: the first 3 of the record's 5 tokens hold none to learn") {
		t.Errorf("nothing left: %v", err)
	}
}

// FuzzLoad checks that a record of any format is either refused or gives an
// example that can be trained on.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{`{"messages":[{"role":"assistant","content":"a"}]}`, `{"query":"a\nb","response":"<s>"}`,
		`{"question":{"stem":"s","choices":[{"text":"a","label":"A"},{"text":"b","label":"B"}]},"answerKey":"B"}`,
		`{"sentence":"a _ b","option1":"x","option2":"y","answer":"1"}`, `[{"text":"a"},{"text":"b"}]`} {
		f.Add(seed, uint8(0))
	}
	formats := config.Formats()
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		cfg := defaults()
		cfg.OnOverflow = "truncate"
		set, err := Load(cfg, []config.DataFile{{Path: write(t, text), Format: formats[int(n)%len(formats)]}}, encoding())
		if err != nil {
			if in := (*fsutil.InputError)(nil); !errors.As(err, &in) {
				t.Errorf("not an input error: %v", err)
			}
			return
		}
		for _, x := range set.Examples {
			if x.NumSupervised() == 0 || x.Supervised(0) || len(x.Tokens) > cfg.MaxLength {
				t.Errorf("%q gives %s", text, marked(x))
			}
		}
	})
}
