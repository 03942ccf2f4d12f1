package task

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustLookup(t *testing.T, name string) *Task {
	t.Helper()
	task, ok := Lookup(name)
	if !ok {
		t.Fatalf("no task %s", name)
	}
	return task
}

func TestParse(t *testing.T) {
	science := func(question string) Item {
		return Item{Contexts: []string{question}, Choices: []string{"gas", "ice"}, Gold: 1, Delimiter: " "}
	}
	arc := science("Question: What is hard?\nAnswer:")
	social := Item{Contexts: []string{"Q: Kai ran. Why?\nA:"}, Choices: []string{"fun", "fear", "hunger"}, Gold: 1, Delimiter: " "}
	swag := Item{Contexts: []string{"Tea: A man. He sits."}, Choices: []string{"stands", "falls"}, Gold: 1, Delimiter: " "}
	boolq := Item{Contexts: []string{"Ice is hard.\nQuestion: is ice hard?\nAnswer:"}, Choices: []string{"no", "yes"}, Gold: 1, Delimiter: " "}
	for _, tc := range []struct {
		name, task, doc string
		want            Item
	}{
		{"hub", "arc_easy", `{"id": "x", "question": "What is hard?", "choices": {"text": ["gas", "ice"], "label": ["A", "B"]}, "answerKey": "B"}`, arc},
		{"numbered", "arc_challenge", `{"question": "What is hard?", "choices": {"text": ["gas", "ice"], "label": ["1", "2"]}, "answerKey": "2"}`, arc},
		{"number", "arc_easy", `{"question": "What is hard?", "choices": {"text": ["gas", "ice"], "label": ["1", "2"]}, "answerKey": 2}`, arc},
		{"AI2", "arc_easy", `{"question": {"stem": "What is hard?", "choices": [{"text": "gas", "label": "A"}, {"text": "ice", "label": "B"}]}, "answerKey": "B"}`, arc},
		{"foundry", "arc_easy", `{"query": "What is hard?", "choices": ["gas", "ice"], "gold": 1}`, arc},
		{"hub", "openbookqa", `{"question_stem": "Hard is", "choices": {"text": ["gas", "ice"], "label": ["A", "B"]}, "answerKey": "  B"}`, science("Hard is")},
		{"AI2", "openbookqa", `{"question": {"stem": "Hard is", "choices": [{"text": "gas", "label": "A"}, {"text": "ice", "label": "B"}]}, "answerKey": "B"}`, science("Hard is")},
		{"flat", "openbookqa", `{"question_stem": "Hard is", "choices": [{"text": "gas", "label": "A"}, {"text": "ice", "label": "B"}], "answerKey": "B"}`, science("Hard is")},
		{"foundry", "openbookqa", `{"query": "Hard is", "choices": ["gas", "ice"], "gold": 1}`, science("Hard is")},
		{"hub", "social_iqa", `{"context": "Kai ran.", "question": "Why?", "answerA": "fun", "answerB": "fear", "answerC": "hunger", "label": "2"}`, social},
		{"int", "social_iqa", `{"context": "Kai ran.", "question": "Why?", "answerA": "fun", "answerB": "fear", "answerC": "hunger", "label": 2}`, social},
		{"letter", "social_iqa", `{"context": "Kai ran.", "question": "Why?", "answerA": "fun", "answerB": "fear", "answerC": "hunger", "label": "B"}`, social},
		{"options", "social_iqa", `{"context": "Kai ran.", "question": "Why?", "options": ["fun", "fear", "hunger"], "answer": "fear"}`, social},
		{"hub", "hellaswag", `{"activity_label": "Tea", "ctx_a": "A man.", "ctx_b": "he SITS.", "ctx": "?", "endings": ["stands", "falls"], "label": "1"}`, swag},
		{"authors", "hellaswag", `{"activity_label": "Tea", "ctx": "A man. He sits.", "endings": ["stands", "falls"], "label": 1}`, swag},
		{"foundry", "hellaswag", `{"query": "Tea: A man. He sits.", "choices": ["stands", "falls"], "gold": 1}`, swag},
		{"hub", "piqa", `{"goal": "To sit,", "sol1": "stand", "sol2": "bend", "label": 0}`,
			Item{Contexts: []string{"Question: To sit,\nAnswer:"}, Choices: []string{"stand", "bend"}, Delimiter: " "}},
		{"hub", "winogrande", `{"sentence": "Ann met Bea as _ came_by . ", "option1": "Ann", "option2": "Bea", "answer": "2"}`,
			Item{Contexts: []string{"Ann met Bea as Ann", "Ann met Bea as Bea"}, Choices: []string{"Ann", "Bea"}, Gold: 1, Target: "came_by .", Delimiter: " "}},
		{"hub", "boolq", `{"passage": "Ice is hard.", "question": "is ice hard", "label": 1}`, boolq},
		{"SuperGLUE", "boolq", `{"passage": "Ice is hard.", "question": "is ice hard", "label": true}`, boolq},
		{"authors", "boolq", `{"passage": "Ice is hard.", "question": "is ice hard", "title": "Ice", "answer": true}`, boolq},
		{"hub", "gsm8k", `{"question": "1+1?", "answer": "2\n#### 2"}`,
			Item{Contexts: []string{"Question: 1+1?\nAnswer:"}, Target: "2\n#### 2", Delimiter: " "}},
		{"hub", "gsm8k_cot", `{"question": "1+1?", "answer": "2 #### 1\n#### 2 "}`,
			Item{Contexts: []string{"Q: 1+1?\nA:"}, Target: "2", Delimiter: " "}},
		{"no mark", "gsm8k_cot", `{"question": "1+1?", "answer": " 2"}`,
			Item{Contexts: []string{"Q: 1+1?\nA:"}, Target: "2", Delimiter: " "}},
	} {
		t.Run(tc.task+" "+tc.name, func(t *testing.T) {
			got, err := mustLookup(t, tc.task).Parse(json.RawMessage(tc.doc))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ task, doc, want string }{
		{"hellaswag", `{"b": 1, "a": 2}`, "not a hellaswag document: it needs the fields activity_label, ctx_a and ctx_b (or ctx), endings, label; found are: a, b"},
		{"hellaswag", `{"activity_label": "", "ctx_a": "", "endings": [], "label": 0}`, "it needs the fields"},
		{"hellaswag", `{"activity_label": "", "ctx": "", "endings": [], "label": 0}`, "two choices at least"},
		{"hellaswag", `{"activity_label": "", "ctx": "", "endings": ["a", "[b]"], "label": 0}`, "choice 2 is empty"},
		{"hellaswag", `{"activity_label": "", "ctx": "", "endings": ["a", "b"], "label": 2}`, `label names none of the 2 choices: it has label "2", but needs a number from 0`},
		{"hellaswag", `{"activity_label": "", "ctx": "", "endings": ["a", "b"], "label": ""}`, "its label is empty, as in test sets"},
		{"hellaswag", `{"activity_label": "", "ctx": "", "endings": ["a", "b"], "label": 0.5}`, "label names none"},
		{"hellaswag", `{"activity_label": "", "ctx": "", "endings": ["a", "b"], "label": []}`, "field label must be a text or a number"},
		{"hellaswag", `{"activity_label": "", "ctx": 3, "endings": ["a", "b"], "label": 0}`, "field ctx must be a text"},
		{"hellaswag", `{"activity_label": "", "ctx": null, "endings": ["a", "b"], "label": 0}`, "it needs the fields"},
		{"hellaswag", `[]`, "must be a JSON object"},
		{"arc_easy", `{"question": "a", "choices": {"text": ["b", "c"], "label": ["A", "B"]}, "answerKey": "C"}`, `it has answerKey "C", but needs one of A, B`},
		{"arc_easy", `{"question": "a", "choices": {"text": ["b", "c"], "label": ["A"]}, "answerKey": "A"}`, "field choices has 2 texts but 1 labels"},
		{"arc_easy", `{"question": {"choices": []}, "answerKey": "C"}`, "field stem must be a text"},
		{"arc_easy", `{"question": "a", "choices": ["b", "c"], "answerKey": "C"}`, "field choices must be a list of objects with text and label"},
		{"openbookqa", `{"query": "a", "choices": ["b", "c"], "gold": -1}`, "label names none"},
		{"social_iqa", `{"context": "a", "question": "b", "options": ["c", "d"], "answer": "e"}`, `it has answer "e", but needs one of the options`},
		{"social_iqa", `{"context": "a", "question": "b", "answerA": "c", "answerB": "d", "answerC": "e", "label": "4"}`, `it has label "4", but needs one of 1, 2, 3, A, B, C`},
		{"social_iqa", `{"context": "a", "question": "b", "label": "1"}`, "it needs the fields answerA, answerB"},
		{"piqa", `{"goal": "a", "sol1": "b", "sol2": "c"}`, "it needs the fields goal, sol1, sol2, label; found are: goal, sol1, sol2"},
		{"winogrande", `{"sentence": "a", "option1": "b", "option2": "c", "answer": "1"}`, `no blank "_"`},
		{"boolq", `{"passage": "a", "question": "b", "answer": "maybe"}`, "label names none"},
		{"gsm8k", `{"question": "a"}`, "it needs the fields question, answer; found are: question"},
	} {
		_, err := mustLookup(t, tc.task).Parse(json.RawMessage(tc.doc))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: got %v, want %q", tc.task, tc.doc, err, tc.want)
		}
	}
}

func TestItemParts(t *testing.T) {
	for _, tc := range []struct {
		it                  Item
		context, completion string
	}{
		{Item{Contexts: []string{"Q"}, Choices: []string{"a", "b"}, Gold: 1, Delimiter: " "}, "Q", " b"},
		{Item{Contexts: []string{"x a", "x b"}, Choices: []string{"a", "b"}, Gold: 1, Target: "y", Delimiter: " "}, "x b", " y"},
		{Item{Contexts: []string{"Q"}, Target: "t", Delimiter: " "}, "Q", " t"},
	} {
		if tc.it.Context() != tc.context || tc.it.Completion() != tc.completion {
			t.Errorf("%+v: %q, %q", tc.it, tc.it.Context(), tc.it.Completion())
		}
	}
}

func TestLookup(t *testing.T) {
	for _, name := range Names() {
		task := mustLookup(t, name)
		if task.Name != name || task.parse == nil || (task.Kind == Generate) != (len(task.Filters) > 0) || (task.Kind == Choice) != (task.DocToChoice != "") {
			t.Errorf("%s is incomplete: %+v", name, task)
		}
	}
	if _, ok := Lookup("mmlu"); ok {
		t.Error("mmlu found")
	}
}

// TestPython compares with what CPython 3.11 and the harness's own functions
// made of the same strings (scripts/golden/lmeval.py).
func TestPython(t *testing.T) {
	data, err := os.ReadFile("testdata/python.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Strings []struct{ Text, Capitalize, Lower, Strip, RStrip, HellaSwag string }
		Filters []map[string]json.RawMessage
		Matches []struct {
			Answer, Reference string
			Match             bool
		} `json:"exact_match"`
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, g := range golden.Strings {
		got := []string{capitalize(g.Text), lower(g.Text), strip(g.Text), TrimSpaceRight(g.Text), cleanHellaSwag(g.Text)}
		if d := cmp.Diff([]string{g.Capitalize, g.Lower, g.Strip, g.RStrip, g.HellaSwag}, got); d != "" {
			t.Errorf("%q: %s", g.Text, d)
		}
	}
	for _, g := range golden.Filters {
		var text string
		if err := json.Unmarshal(g["text"], &text); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"gsm8k", "gsm8k_cot", "gsm8k_cot_zeroshot", "gsm8k_cot_llama"} {
			var want map[string]string
			if err := json.Unmarshal(g[name], &want); err != nil {
				t.Fatal(err)
			}
			for _, f := range mustLookup(t, name).Filters {
				if got := f.Apply(text, ""); got != want[f.Name] {
					t.Errorf("%s of %s, of %q: %q, want %q", f.Name, name, text, got, want[f.Name])
				}
			}
		}
	}
	for _, g := range golden.Matches {
		if got := gsm8kExact.Equal(g.Answer, g.Reference); got != g.Match {
			t.Errorf("%q and %q: %v", g.Answer, g.Reference, got)
		}
	}
	if len(golden.Strings) < 20 || len(golden.Filters) < 20 || len(golden.Matches) < 10 {
		t.Error("vectors are missing")
	}
}

// TestHarnessScoring compares with generations that the harness filtered and
// scored.
func TestHarnessScoring(t *testing.T) {
	for _, name := range []string{"gsm8k", "gsm8k_cot"} {
		t.Run(name, func(t *testing.T) { testHarnessScoring(t, mustLookup(t, name)) })
	}
}

func testHarnessScoring(t *testing.T, task *Task) {
	data, err := os.ReadFile("../../../shared/fixtures/lm-eval/scoring-" + task.Name + ".jsonl")
	if err != nil {
		t.Skip("the shared reference data is not beside this checkout: ", err)
	}
	rows := 0
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); rows++ {
		var row struct {
			Target, Generated string
			Filtered          map[string]string
			Match             map[string]float64 `json:"exact_match"`
		}
		if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		it, err := task.Parse(sc.Bytes())
		if err != nil || it.Target != row.Target {
			t.Errorf("target %q, %v", it.Target, err)
		}
		for _, f := range task.Filters {
			got := f.Apply(row.Generated, it.Target)
			if got != row.Filtered[f.Name] || gsm8kExact.Equal(got, it.Target) != (row.Match[f.Name] == 1) {
				t.Errorf("%s of %q: %q, want %q, %v", f.Name, row.Generated, got, row.Filtered[f.Name], row.Match[f.Name])
			}
		}
	}
	if rows != 80 {
		t.Errorf("%d rows", rows)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"question": {"stem": "a", "choices": [{"text": "b", "label": "A"}]}, "answerKey": "A"}`)
	f.Add(`{"sentence": "a _", "option1": null, "option2": "c", "answer": true}`)
	f.Fuzz(func(t *testing.T, doc string) {
		for _, task := range tasks() {
			if it, err := task.Parse(json.RawMessage(doc)); err == nil {
				it.Context()
				it.Completion()
			}
		}
	})
}
