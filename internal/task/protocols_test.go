package task

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// protocols are prompts and verdicts by the papers' rules in Python; the file is
// made by scripts/golden/protocols.py.
type protocols struct {
	Commonsense []struct {
		Task                          string
		Record                        json.RawMessage
		Prompt, Training, Text, Found string
		Choices                       []string
		Right                         bool
	}
	Math []struct {
		Answer      json.RawMessage
		Text        string
		None, Right bool
	}
	MetaMath []struct {
		Query, Response, Prompt, Text string
		Found, Right                  bool
	}
}

func readProtocols(t *testing.T) (p protocols) {
	t.Helper()
	raw, err := os.ReadFile("testdata/protocols.json")
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// answer is what a task's only filter finds in a generated text, and whether it
// counts.
func answer(t *testing.T, name string, record json.RawMessage, text string) (it Item, found string, right bool) {
	t.Helper()
	task := mustLookup(t, name)
	it, err := task.Parse(record)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range task.Until {
		text, _, _ = strings.Cut(text, u)
	}
	found = task.Filters[0].Apply(text, it.Target)
	return it, found, task.Match(found, it)
}

func TestLLMAdaptersCommonsense(t *testing.T) {
	prompts, right := 0, 0
	for _, w := range readProtocols(t).Commonsense {
		it, found, ok := answer(t, w.Task, w.Record, w.Text)
		if w.Found == "" {
			w.Found = Invalid
		}
		if found != w.Found || ok != w.Right {
			t.Errorf("%s of %q: found %q, %v; want %q, %v", w.Task, w.Text, found, ok, w.Found, w.Right)
		}
		clean, err := mustLookup(t, w.Task+"_clean").Parse(w.Record)
		if err != nil || !slices.Equal(clean.Choices, w.Choices) || clean.Choices[clean.Gold] != it.Target {
			t.Errorf("%s: choices %v, gold %d, %v; want %v, %s", w.Task, clean.Choices, clean.Gold, err, w.Choices, it.Target)
		}
		if w.Prompt != "" {
			prompts++
			if it.Context() != w.Prompt {
				t.Errorf("%s: prompt %q, want %q", w.Task, it.Context(), w.Prompt)
			}
			if got := clean.Context() + clean.Completion(); got != w.Training+"the correct answer is "+it.Target {
				t.Errorf("%s: training text %q, want %q and the answer", w.Task, got, w.Training)
			}
		}
		if ok {
			right++
		}
	}
	if prompts != 16 || right < 20 {
		t.Errorf("%d prompts compared, %d answers right", prompts, right)
	}
}

func TestLLMAdaptersMath(t *testing.T) {
	for _, w := range readProtocols(t).Math {
		record, _ := json.Marshal(map[string]any{"instruction": "1+2?", "answer": w.Answer})
		if _, found, ok := answer(t, "llm_adapters_math", record, w.Text); ok != w.Right || (found == Invalid) != w.None {
			t.Errorf("%s and %q: found %q, %v; want %v", w.Answer, w.Text, found, ok, w.Right)
		}
	}
}

func TestMetaMath(t *testing.T) {
	right := 0
	for _, w := range readProtocols(t).MetaMath {
		record, _ := json.Marshal(map[string]string{"query": w.Query, "response": w.Response})
		it, found, ok := answer(t, "metamath_gsm8k", record, w.Text)
		if ok != w.Right || (found != Invalid) != w.Found {
			t.Errorf("%q and %q: found %q, %v; want %v", w.Response, w.Text, found, ok, w.Right)
		}
		if w.Prompt != "" && it.Context() != w.Prompt {
			t.Errorf("prompt %q, want %q", it.Context(), w.Prompt)
		}
		record, _ = json.Marshal(map[string]string{"question": w.Query, "answer": w.Response})
		if other, _, _ := answer(t, "metamath_gsm8k", record, w.Text); other.Context() != it.Context() || other.Target != it.Target {
			t.Errorf("GSM8K's own form gives %+v", other)
		}
		if ok {
			right++
		}
	}
	if right < 20 {
		t.Errorf("%d answers right", right)
	}
}

// The clean variant reads numbers that MetaMath's does not.
func TestMetaMathClean(t *testing.T) {
	for _, tc := range []struct {
		text, want string
		right      bool
	}{
		{"The answer is: 1,234,567", "1234567", true},
		{"so #### $1234567.00", "1234567.00", true},
		{"It is 3.\nThe answer is 1234567. Question 5", "1234567", true},
		{`thus \boxed{1,234,567}`, "1234567", true},
		{"we get 5, then 2469134/2", "2469134/2", true},
		{"The answer is: 1234567.4", "1234567.4", false},
		{"The answer is: none, 5 of 1234567", "5", false},
		{"1234567. The answer is: none", "1234567", true},
		{"The answer is: -1234567", "-1234567", false},
		{"1,2345 or .5/20 or .5", ".5", false},
		{"nothing", Invalid, false},
	} {
		it, found, ok := answer(t, "metamath_gsm8k_clean", json.RawMessage(`{"query": "a\nb", "response": "#### 1,234,567"}`), tc.text)
		if found != tc.want || ok != tc.right {
			t.Errorf("%q: found %q, %v", tc.text, found, ok)
		}
		if it.Context() != MetaMathPrompt("a\nb") {
			t.Errorf("prompt %q", it.Context())
		}
	}
}

func TestProtocolsRefuse(t *testing.T) {
	for _, tc := range []struct{ task, doc, want string }{
		{"llm_adapters_piqa", `{"instruction": "a"}`, "it needs the fields instruction, answer; found are: instruction"},
		{"llm_adapters_piqa", `{"instruction": "a", "answer": "true"}`, "one of solution1, solution2"},
		{"llm_adapters_arc_easy_clean", `{"instruction": "Answer format: answer1/answer2", "answer": "answer3"}`, "one of answer1, answer2"},
		{"llm_adapters_math", `{"instruction": "a", "answer": "F"}`, `its answer "F" is neither a number nor a letter from A to E`},
		{"llm_adapters_math", `{"instruction": "a", "answer": [4.0]}`, "field answer must be a text or a number"},
		{"metamath_gsm8k", `{"query": "a"}`, "it needs the fields query and response, or question and answer"},
		{"metamath_gsm8k", `{"query": "a", "response": "The answer is: 4"}`, `no whole number after "#### "`},
		{"metamath_gsm8k", `{"query": "a", "response": "#### 4.5"}`, `no whole number after "#### "`},
	} {
		if _, err := mustLookup(t, tc.task).Parse(json.RawMessage(tc.doc)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: got %v, want %q", tc.task, tc.doc, err, tc.want)
		}
	}
}
