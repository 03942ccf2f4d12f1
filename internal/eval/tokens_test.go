package eval

import (
	"context"
	"iter"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stablelora/stablelora/internal/golden"
	"github.com/stablelora/stablelora/internal/infer"
	"github.com/stablelora/stablelora/internal/tokenizer"
)

// tokenModel is a Model with a real tokenizer that answers nothing of worth but
// writes what another program's model wrote.
type tokenModel struct {
	*tokenizer.Tokenizer
	prefix, eos int32
	max         int
	requests    []Request
	generated   [][]int32
	prompts     []int // lengths
}

func (m *tokenModel) PrefixToken() int32 { return m.prefix }
func (m *tokenModel) EOSText() string    { return m.Decode([]int32{m.eos}, false) }
func (m *tokenModel) MaxLength() int     { return m.max }

func (m *tokenModel) Score(_ context.Context, groups iter.Seq[[]Request], each func([]Score) error) error {
	for reqs := range groups {
		m.requests = append(m.requests, reqs...)
		if err := each(make([]Score, len(reqs))); err != nil {
			return err
		}
	}
	return nil
}

func (m *tokenModel) Generate(_ context.Context, prompts iter.Seq[[]int32], maxNew int, stop func([]int32) bool, each func([]int32) error) error {
	for prompt := range prompts {
		ids := m.generated[len(m.prompts)]
		m.prompts = append(m.prompts, len(prompt))
		n := 0
		for n < min(len(ids), maxNew) && ids[n] != m.eos {
			if n++; stop(ids[:n]) {
				break
			}
		}
		if err := each(ids[:n]); err != nil {
			return err
		}
	}
	return nil
}

func (m *tokenModel) BeamSearch(context.Context, iter.Seq[[]int32], int, int, func(infer.Hypothesis) error) error {
	panic("no fixture is of a beam search")
}

func fixtureTokenizer(t *testing.T, model string) *tokenModel {
	t.Helper()
	dir := golden.Shared(t, "fixtures", "models")
	m := &tokenModel{max: 512}
	prefix, eos := "<|endoftext|>", "<|endoftext|>"
	switch model {
	case "llama3-tiny":
		prefix, eos, m.max = "<|begin_of_text|>", "<|end_of_text|>", 1024
	case "tinystories-656k":
		dir, prefix, eos = golden.Shared(t, "models"), "<|start_story|>", "<|end_story|>"
	}
	var err error
	if m.Tokenizer, err = tokenizer.Load(filepath.Join(dir, model)); err != nil {
		t.Fatal(err)
	}
	var hasPrefix, hasEOS bool
	m.prefix, hasPrefix = m.ID(prefix)
	if m.eos, hasEOS = m.ID(eos); !hasPrefix || !hasEOS {
		t.Fatalf("%s lacks %s or %s", model, prefix, eos)
	}
	return m
}

// TestFixtureTokens compares the tokens of contexts and continuations, and the
// texts of generated tokens.
func TestFixtureTokens(t *testing.T) {
	dir := golden.Shared(t, "fixtures", "lm-eval")
	totals := map[string]int{"llama3-tiny": 137669, "qwen2-tiny": 132457, "tinystories-656k": 93713} // tokens of hellaswag-0shot
	for model, total := range totals {
		for _, run := range []string{"arc_challenge-0shot", "arc_easy-0shot", "hellaswag-0shot", "openbookqa-0shot", "social_iqa-0shot"} {
			m := fixtureTokenizer(t, model)
			mustRun(t, loadFixture(t, run), m, Options{})
			type encoded struct {
				Context      []int32 `json:"context_ids"`
				Continuation []int32 `json:"continuation_ids"`
			}
			rows := jsonLines[struct{ Encoded []encoded }](t, dir+"/samples/"+model+"/"+run+".jsonl")
			n, at := 0, 0
			for _, row := range rows[:3] {
				for _, want := range row.Encoded {
					got := m.requests[at]
					at++
					if !slices.Equal(got.Tokens, slices.Concat(want.Context, want.Continuation)) || got.From != len(want.Context) {
						t.Errorf("%s %s: request %d differs", model, run, at)
					}
				}
			}
			for _, r := range m.requests {
				n += len(r.Tokens)
			}
			if at < 9 || run == "hellaswag-0shot" && n != total {
				t.Errorf("%s %s: %d requests compared, %d tokens, want %d", model, run, at, n, total)
			}
		}
		m := fixtureTokenizer(t, model)
		rows := jsonLines[struct {
			Generated string
			IDs       []int32 `json:"generated_ids"`
			Prompt    int     `json:"context_tokens_after_truncation"`
		}](t, dir+"/samples/"+model+"/gsm8k-5shot.jsonl")
		for _, row := range rows {
			m.generated = append(m.generated, row.IDs)
		}
		r := mustRun(t, loadFixture(t, "gsm8k-5shot"), m, Options{MaxGenToks: 64})
		for i, row := range rows {
			if r.Samples[i].Generated != row.Generated || m.prompts[i] != row.Prompt {
				t.Errorf("%s, generation %d: %q after %d tokens, want %q after %d", model, i, r.Samples[i].Generated, m.prompts[i], row.Generated, row.Prompt)
			}
		}
	}
}
