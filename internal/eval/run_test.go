package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/fsutil"
)

func TestLimit(t *testing.T) {
	for _, tc := range []struct {
		limit   float64
		n, want int
	}{{0, 10, 10}, {3, 10, 3}, {3.9, 10, 3}, {1, 10, 1}, {99, 10, 10}, {0.25, 10, 3}, {0.001, 10, 1}, {math.Inf(1), 10, 10}} {
		if got := limit(tc.limit, tc.n); got != tc.want {
			t.Errorf("limit %v of %d: %d", tc.limit, tc.n, got)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	two, nine, minus := 2, 9, -1
	good := write(t, `{"question": "1", "answer": "a"}`+"\n"+`{"question": "2", "answer": "a"}`)
	same := write(t, strings.Repeat(`{"question": "1", "answer": "a"}`+"\n", 4))
	bad := write(t, `{"question": "1", "answer": "a"}`+"\n"+`{"question": "2"}`)
	for _, tc := range []struct {
		spec  TaskSpec
		input bool // the file is to blame, not the configuration
		want  string
	}{
		{TaskSpec{Name: "gsm9k", Path: good}, false, `no task "gsm9k"; there are [hellaswag`},
		{TaskSpec{Name: "gsm8k"}, false, "no data file is named"},
		{TaskSpec{Name: "gsm8k", Path: good, Limit: -1}, false, "limit is -1"},
		{TaskSpec{Name: "gsm8k", Path: good, NumFewshot: &minus}, false, "number of few-shot examples is -1"},
		{TaskSpec{Name: "testdata/own/quiz.yaml", NumFewshot: &nine}, true, "testdata/own/quiz.yaml: the file holds "},
		{TaskSpec{Name: "gsm8k", Path: good}, false, "task gsm8k shows 5 examples: name a file"},
		{TaskSpec{Name: "gsm8k", Path: bad}, true, bad + ":2: not a gsm8k document"},
		{TaskSpec{Name: "gsm8k", Path: good, FewshotPath: bad, NumFewshot: &two}, true, bad + ":2: not a gsm8k document"},
		{TaskSpec{Name: "gsm8k", Path: good, FewshotPath: good, NumFewshot: &two}, true, "holds 2 documents, but 3 are drawn"},
		{TaskSpec{Name: "gsm8k", Path: same, FewshotPath: same, NumFewshot: &two}, true, "holds 0 documents other than"},
	} {
		_, err := Load(tc.spec)
		var input *fsutil.InputError
		if err == nil || !strings.Contains(err.Error(), tc.want) || errors.As(err, &input) != tc.input {
			t.Errorf("%+v: %v", tc.spec, err)
		}
	}
}

// TestFewshotNeverShowsTheDocument draws from the evaluated file, which holds
// one document three times, the fields in different order.
func TestFewshotNeverShowsTheDocument(t *testing.T) {
	two := 2
	path := write(t, `{"question": "x", "answer": "1e999"}`+"\n"+`{"answer": "1e999", "question": "x"}`+"\n"+
		`{"question": "y", "answer": "b"}`+"\n"+`{"question": "z", "answer": "c", "n": 1e999}`+"\n"+`{"question": "x", "answer": "1e999"}`)
	q := mustLoad(t, TaskSpec{Name: "gsm8k", Path: path, FewshotPath: path, NumFewshot: &two})
	for _, d := range q.documents {
		shown := strings.TrimSuffix(d.context(), d.item.Context())
		if n := strings.Count(shown, "Question: "); n != 2 || strings.Contains(shown, d.item.Context()) {
			t.Errorf("%d examples before %q: %q", n, d.item.Context(), shown)
		}
	}
	limited := mustLoad(t, TaskSpec{Name: "gsm8k", Path: path, FewshotPath: path, NumFewshot: &two, Limit: 2})
	for i, d := range limited.documents {
		if d.context() != q.documents[i].context() {
			t.Errorf("document %d has other examples in the limited run", i)
		}
	}
}

func TestAccuracies(t *testing.T) {
	// log-likelihoods by choice; lengths in code points are 1, 3 and 6
	doc := `{"query": "q", "choices": ["é", "bbb", "cccccc"], "gold": %d}`
	for _, tc := range []struct {
		lls       []float64
		acc, norm int // the choice picked
	}{
		{[]float64{-3, -4, -5}, 0, 2},
		{[]float64{-1, -6, -6}, 0, 0}, // tie: the first
		{[]float64{-2, -2, -9}, 0, 1},
		{[]float64{-1.5, -3, -6}, 0, 1},
	} {
		for gold := range 3 {
			q := mustLoad(t, TaskSpec{Name: "arc_easy", Path: write(t, fmt.Sprintf(doc, gold))})
			scores := slices.Clone(tc.lls)
			m := &byteModel{max: 100, score: func(_, _ string) Score {
				ll := scores[0]
				scores = scores[1:]
				return Score{LogLikelihood: ll}
			}}
			done := 0
			r := mustRun(t, q, m, Options{Progress: func(n, total int) { done = 100*n + total }})
			acc, norm := metricValue(t, r, "acc,none") == 1, metricValue(t, r, "acc_norm,none") == 1
			if acc != (gold == tc.acc) || norm != (gold == tc.norm) {
				t.Errorf("%v, gold %d: acc %v, acc_norm %v", tc.lls, gold, acc, norm)
			}
			if _, ok := r.Metrics[0].Stderr(); ok || done != 303 {
				t.Errorf("standard error of one document, progress %d", done)
			}
		}
	}
}

func TestRunRefuses(t *testing.T) {
	choice := mustLoad(t, TaskSpec{Name: "arc_easy", Path: write(t, `{"query": "q", "choices": ["a", "b"], "gold": 0}`)})
	zero := 0
	writing := mustLoad(t, TaskSpec{Name: "gsm8k", Path: write(t, `{"question": "q", "answer": "a"}`), NumFewshot: &zero})
	nan := &byteModel{max: 100, score: func(_, _ string) Score { return Score{LogLikelihood: math.NaN()} }}
	if _, err := choice.Run(t.Context(), nan, Options{}); err == nil || !strings.Contains(err.Error(), "data.jsonl:1: the model gives the log-likelihood NaN") {
		t.Error(err)
	}
	if _, err := choice.Run(t.Context(), &byteModel{max: 1}, Options{}); err == nil || !strings.Contains(err.Error(), "data.jsonl:1: the continuation has 2 tokens") {
		t.Error(err)
	}
	if r, err := writing.Run(t.Context(), &byteModel{max: 256, reply: func(string) string { return "#### 1" }}, Options{}); err != nil || r.MaxGenToks != 128 {
		t.Errorf("a context as short as the default: %+v, %v", r, err)
	}
	if _, err := writing.Run(t.Context(), &byteModel{max: 256}, Options{MaxGenToks: 256}); err == nil || !strings.Contains(err.Error(), "256 tokens are to be generated, but the model takes 256") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	even := &byteModel{max: 100, score: func(_, _ string) Score { return Score{} }}
	if _, err := choice.Run(ctx, even, Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestGenerate(t *testing.T) {
	zero := 0
	q := mustLoad(t, TaskSpec{Name: "gsm8k", Path: write(t, `{"question": "q", "answer": "a\n#### 1,000"}`), NumFewshot: &zero})
	for _, tc := range []struct {
		reply         string
		max           int
		text          string
		strict, loose string
	}{
		{" so\n#### 1000", 50, " so\n#### 1000", "1000", "1000"},
		{" #### $1000.\n\nQuestion: 5", 50, " #### $1000.\n\n", "[invalid]", "$1000."},
		{" 7 or</s> 8 or Question: 9", 50, " 7 or", "[invalid]", "7"},
		{" none", 50, " none", "[invalid]", "[invalid]"},
		{" 12345", 3, " 12", "[invalid]", "12"}, // cut off
	} {
		m := &byteModel{bos: 256, max: 60, reply: func(string) string { return tc.reply }}
		r := mustRun(t, q, m, Options{MaxGenToks: tc.max})
		s := r.Samples[0]
		if d := cmp.Diff([]string{tc.text, tc.strict, tc.loose}, append([]string{s.Generated}, s.Filtered...)); d != "" {
			t.Errorf("%q: %s", tc.reply, d)
		}
		if invalid := r.Invalid(0); (invalid == 1) != (tc.strict == "[invalid]") {
			t.Errorf("%q: invalid rate %v", tc.reply, invalid)
		}
		// Of the context, the last 60 - max tokens stay; the BOS goes first.
		want := " q\nAnswer:"
		if tc.max == 3 {
			want = "<s>Question: q\nAnswer:"
		}
		if m.prompts[0] != want {
			t.Errorf("%q: prompt %q, want %q", tc.reply, m.prompts[0], want)
		}
	}
}

// TestGenerateStopsAtSpecialTokens: a stop text may be a special token, which
// the decoded text does not show.
func TestGenerateStopsAtSpecialTokens(t *testing.T) {
	m := &byteModel{max: 100}
	stop := stopper(m, []string{"Question:", "<|im_end|>"})
	ids := m.Encode(strings.Repeat("x", 50), false)
	if stop(ids) {
		t.Error("stopped at x")
	}
	if !stop(append(ids, 258)) || !stop(m.Encode(strings.Repeat("é", 50)+"Question:", false)) {
		t.Error("did not stop")
	}
}

// A run that starts from the answers of a stopped one asks the rest only, and
// ends with the same samples.
func TestRunGoesOn(t *testing.T) {
	zero := 0
	for _, spec := range []TaskSpec{
		{Name: "arc_easy", Path: write(t, strings.Repeat(`{"query": "q", "choices": ["a", "bb"], "gold": 0}`+"\n", 5))},
		{Name: "gsm8k", Path: write(t, strings.Repeat(`{"question": "q", "answer": "#### 1"}`+"\n", 5)), NumFewshot: &zero},
	} {
		q := mustLoad(t, spec)
		model := func() *byteModel {
			return &byteModel{max: 600, reply: func(string) string { return " #### 1" },
				score: func(_, c string) Score { return Score{LogLikelihood: -float64(len(c))} }}
		}
		var stored []Sample
		whole, err := q.Run(t.Context(), model(), Options{Store: func(s Sample) error { stored = append(stored, s); return nil }})
		if err != nil || len(stored) != 5 {
			t.Fatalf("%s: %d samples stored, %v", spec.Name, len(stored), err)
		}
		m, more := model(), 0
		rest, err := q.Run(t.Context(), m, Options{Done: stored[:3], Store: func(Sample) error { more++; return nil }})
		if err != nil || more != 2 || len(m.prompts)+len(m.requests)/2 != 2 {
			t.Errorf("%s: %d samples stored, %d prompts, %d requests, %v", spec.Name, more, len(m.prompts), len(m.requests), err)
		}
		if fmt.Sprint(rest.Samples, rest.Metrics) != fmt.Sprint(whole.Samples, whole.Metrics) {
			t.Errorf("%s: other results", spec.Name)
		}
		damaged := append([]Sample{}, stored[:3]...)
		damaged[1] = Sample{}
		if r, err := q.Run(t.Context(), model(), Options{Done: damaged}); err != nil || fmt.Sprint(r.Samples) != fmt.Sprint(whole.Samples) {
			t.Errorf("%s: a damaged answer is not asked again: %v", spec.Name, err)
		}
		full := errors.New("disk full")
		if _, err := q.Run(t.Context(), model(), Options{Store: func(Sample) error { return full }}); !errors.Is(err, full) {
			t.Errorf("%s: an answer that cannot be kept: %v", spec.Name, err)
		}
	}
	if a, b := mustLoad(t, TaskSpec{Name: "arc_easy", Path: write(t, `{"query": "q", "choices": ["a", "b"], "gold": 0}`)}), mustLoad(t, TaskSpec{Name: "arc_easy", Path: write(t, `{"query": "p", "choices": ["a", "b"], "gold": 0}`)}); a.Hash() == b.Hash() {
		t.Error("other documents have the same hash")
	}
}

// FuzzProgress: whatever a stopped evaluation left, the next one gives a result.
func FuzzProgress(f *testing.F) {
	f.Add([]byte(`{"Of":"x"}` + "\n" + `{"Key":"k","Sample":{"Scores":[{"LogLikelihood":-1},{"LogLikelihood":-2}]}}` + "\n"))
	f.Add([]byte(`{"Of":"x"}` + "\n" + `{"Key":"k","Sample":{"Scores":[{}],"Filtered":["a"],"Generated":"b"}}` + "\n{"))
	f.Fuzz(func(t *testing.T, file []byte) {
		q := mustLoad(t, TaskSpec{Name: "arc_easy", Path: write(t, strings.Repeat(`{"query": "q", "choices": ["a", "bb"], "gold": 0}`+"\n", 3))})
		path := write(t, string(file))
		p, err := OpenProgress(path, "x", true)
		if errors.Is(err, ErrOtherEvaluation) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		m := &byteModel{max: 600, score: func(_, c string) Score { return Score{LogLikelihood: -float64(len(c))} }}
		if r, err := q.Run(t.Context(), m, p.Options("k", Options{})); err != nil || len(r.Samples) != 3 {
			t.Errorf("%v", err)
		}
	})
}
