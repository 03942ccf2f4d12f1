package eval

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The papers' protocols from file to results: decoding, cut, answer, invalid share.
func TestProtocols(t *testing.T) {
	adapters := write(t, `[{"instruction": "q1", "input": "", "output": "", "answer": "answer2"}, {"instruction": "q2", "answer": "answer1"}]`)
	math := write(t, `{"instruction": "q1", "answer": "4.0"}`+"\n"+`{"instruction": "q2", "answer": 5}`)
	gsm8k := write(t, `{"query": "q1", "response": "#### 4"}`+"\n"+`{"question": "q2", "answer": "#### 5"}`)
	for _, tc := range []struct {
		task, path, key string
		replies         [2]string // to q1 and q2
		generated       [2]string
		values          []float64
		invalid         float64
		beams           []int
		tokens          int
	}{
		{"llm_adapters_arc_easy", adapters, "exact_match,first-option",
			[2]string{"</s> answer2, answer1", "### Response: answer1"}, [2]string{"</s> answer2, answer1", ""},
			[]float64{1, 0}, 0.5, []int{4}, 32},
		{"llm_adapters_math", math, "exact_match,last-number", [2]string{"3 or 4", "6"}, [2]string{"3 or 4", "6"}, []float64{1, 0}, 0, []int{4}, 256},
		{"metamath_gsm8k", gsm8k, "exact_match,the-answer-is",
			[2]string{"The answer is: 4\nQuestion: The answer is: 3", "It is 5"}, [2]string{"The answer is: 4\n", "It is 5"},
			[]float64{1, 0}, 0.5, nil, 512},
		{"metamath_gsm8k_clean", gsm8k, "exact_match,stated-number", [2]string{"#### 4", "It is 5"}, [2]string{"#### 4", "It is 5"},
			[]float64{1, 1}, 0, nil, 512},
	} {
		t.Run(tc.task, func(t *testing.T) {
			m := &byteModel{max: 4000, reply: func(prompt string) string {
				if strings.Contains(prompt, "q1") {
					return tc.replies[0]
				}
				return tc.replies[1]
			}}
			q := mustLoad(t, TaskSpec{Name: tc.task, Path: tc.path})
			r := mustRun(t, q, m, Options{})
			if r.MaxGenToks != tc.tokens || !slices.Equal(m.beams, tc.beams) {
				t.Errorf("%d tokens at most, beams %v; want %d, %v", r.MaxGenToks, m.beams, tc.tokens, tc.beams)
			}
			for i, s := range r.Samples {
				if s.Generated != tc.generated[i] {
					t.Errorf("generated %q, want %q", s.Generated, tc.generated[i])
				}
			}
			if got := r.Metrics[0]; got.Key() != tc.key || !slices.Equal(got.Values, tc.values) || r.Invalid(0) != tc.invalid {
				t.Errorf("%s %v, %v invalid; want %s %v, %v", got.Key(), got.Values, r.Invalid(0), tc.key, tc.values, tc.invalid)
			}
			dir := t.TempDir()
			if err := WriteResults(dir, []Outcome{{Base: r}}, Info{}, true); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(filepath.Join(dir, "results.json"))
			if err != nil || !strings.Contains(string(raw), `"protocol": "`+q.Task.Protocol) ||
				strings.Contains(string(raw), `"num_beams": 4`) != (tc.beams != nil) {
				t.Errorf("results %s, %v", raw, err)
			}
		})
	}
}
