package data

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/chat"
	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/tokenizer"
)

// TestRealFiles reads published data sets whole, each by its name and, where
// its fields are telling, by auto.
func TestRealFiles(t *testing.T) {
	const dir = "../../../shared/data"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the data sets are not part of the repository and not at %s", dir)
	}
	for _, tc := range []struct {
		path, format string
		auto         string // what auto chooses; "": nothing
		records      int
	}{
		{"gsm8k/train.jsonl", "gsm8k", "gsm8k", 7473},
		{"gsm8k/test-part1.jsonl", "gsm8k", "gsm8k", 660},
		{"hellaswag/part1.jsonl.gz", "hellaswag", "hellaswag", 6000},
		{"arc/arc_easy_train.jsonl", "arc", "arc", 2251},
		{"arc/arc_challenge_train.jsonl", "arc", "arc", 1119},
		{"social_iqa/dev.jsonl", "social_iqa", "social_iqa", 1954},
		{"openbookqa/llm_foundry_test.jsonl", "openbookqa", "", 500},
		{"openbookqa/llm_adapters_train.json", "llm_adapters", "llm_adapters", 4957},
		{"llm-adapters/arc_easy_train.json", "llm_adapters", "llm_adapters", 2251},
		{"metamath/metamathqa_rows_transcribed.jsonl", "metamath", "metamath", 3},
	} {
		cfg := defaults()
		cfg.MaxLength = 1 << 20
		files := []config.DataFile{{Path: filepath.Join(dir, tc.path), Format: tc.format}}
		named, err := Load(cfg, files, encoding())
		if err != nil {
			t.Error(err)
			continue
		}
		if len(named.Examples) != tc.records {
			t.Errorf("%s: %d records, want %d", tc.path, len(named.Examples), tc.records)
		}
		files[0].Format, files[0].MaxSamples = "auto", 20
		chosen, err := Load(cfg, files, encoding())
		if tc.auto == "" {
			if err == nil {
				t.Errorf("%s: auto chose %s", tc.path, chosen.Files[0].Format)
			}
		} else if err != nil || chosen.Files[0].Format != tc.auto {
			t.Errorf("%s: auto: %v", tc.path, err)
		}
	}
}

// TestRealConversations trains on conversations that transformers rendered and
// tokenized: the ids must be its ids, the assistant's words supervised.
func TestRealConversations(t *testing.T) {
	const fixtures = "../../../shared/fixtures/"
	f, err := os.Open(fixtures + "tokenizer/chat-qwen2-tiny.jsonl")
	if err != nil {
		t.Skip("the rendered conversations are not part of the repository")
	}
	defer f.Close()
	dir := fixtures + "models/qwen2-tiny"
	tok, err := tokenizer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	end, _ := tok.ID("<|endoftext|>")
	checked := 0
	for dec := json.NewDecoder(f); dec.More(); {
		var row struct {
			Messages []chat.Message
			Prompt   bool `json:"add_generation_prompt"`
			IDs      []int32
		}
		if err := dec.Decode(&row); err != nil {
			t.Fatal(err)
		}
		var want string
		for _, m := range row.Messages {
			if m.Role == "assistant" {
				want += m.Content + "<|im_end|>\n"
			}
		}
		if row.Prompt || want == "" {
			continue
		}
		checked++
		var messages []map[string]string
		for _, m := range row.Messages {
			messages = append(messages, map[string]string{"role": m.Role, "content": m.Content})
		}
		record, _ := json.Marshal(map[string]any{"messages": messages})
		cfg := defaults()
		cfg.MaxLength = 1 << 20
		set, err := Load(cfg, []config.DataFile{{Path: write(t, string(record)), Format: "auto"}},
			Encoding{Tokenizer: tok, EOS: &end, Chat: func() (ChatTemplate, error) { return chat.Load(dir) }})
		if err != nil {
			t.Error(err)
			continue
		}
		x := set.Examples[0]
		if d := cmp.Diff(append(row.IDs, end), x.Tokens); d != "" {
			t.Error(d)
		}
		var learned []int32
		for i, id := range x.Tokens {
			if x.Supervised(i) {
				learned = append(learned, id)
			}
		}
		if got := tok.Decode(learned, false); got != want+"<|endoftext|>" {
			t.Errorf("supervised is %q, want %q", got, want)
		}
	}
	if checked == 0 {
		t.Error("no conversation with an assistant")
	}
	t.Logf("%d conversations", checked)
}
