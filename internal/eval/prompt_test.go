package eval

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/chat"
	"github.com/stablelora/stablelora/internal/task"
)

// TestChatPrompts compares requests and what results say of them with the
// harness's, for templates of three families (scripts/golden/lmeval.py).
func TestChatPrompts(t *testing.T) {
	type row struct {
		Shots    int
		Requests map[string][][]any
		Results  map[string]any
	}
	rows := jsonLines[row](t, "testdata/chat.jsonl")
	if len(rows) != 6 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, want := range rows {
		prompt := Prompt{Multiturn: want.Results["fewshot_as_multiturn"].(bool)}
		prompt.System, _ = want.Results["system_instruction"].(string)
		if source, ok := want.Results["chat_template"].(string); ok {
			prompt.Chat = mustTemplate(t, source)
		}
		for name, requests := range want.Requests {
			spec := goldenSpec(name, want.Shots)
			spec.Limit, spec.Prompt = 1, prompt
			r := TaskResult{Questions: mustLoad(t, spec), MaxGenToks: DefaultMaxGenToks}
			d := r.documents[0]
			var got [][]any
			if r.Task.Kind == task.Generate {
				got = [][]any{{d.context(), r.generationArguments()}}
			}
			for i := range d.item.Choices {
				context, continuation := d.request(i)
				got = append(got, []any{context, continuation})
			}
			if d := cmp.Diff(requests, plain[[][]any](t, got)); d != "" {
				t.Errorf("%s, %v: %s", name, want.Results, d)
			}
		}
		saved := plain[map[string]any](t, Info{Prompt: prompt}.fields())
		for key, value := range want.Results {
			if saved[key] != value {
				t.Errorf("%s: %v, want %v", key, saved[key], value)
			}
		}
	}
}

// mustTemplate loads a chat template with <s> and </s>.
func mustTemplate(t *testing.T, source string) *chat.Template {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"chat_template.jinja": source, "tokenizer_config.json": `{"bos_token": "<s>", "eos_token": "</s>"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	template, err := chat.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// plain is v as JSON has it.
func plain[T any](t *testing.T, v any) T {
	t.Helper()
	raw, err := json.Marshal(v)
	var out T
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}
