package eval

import (
	"context"
	"encoding/json"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/golden"
	"github.com/stablelora/stablelora/internal/task"
)

// What the harness made of real documents, in the folder of larger fixtures.
var fixtureRuns = []string{
	"arc_challenge-0shot", "arc_easy-0shot", "arc_easy-25shot", "gsm8k-5shot", "gsm8k_cot-8shot", "hellaswag-0shot", "hellaswag-5shot",
	"openbookqa-0shot", "social_iqa-0shot",
}

var fixtureModels = []string{"llama3-tiny", "qwen2-tiny", "tinystories-656k"}

// loadFixture loads the documents of a run: TASK-Nshot.
func loadFixture(t *testing.T, run string) *Questions {
	t.Helper()
	dir := golden.Shared(t, "fixtures", "lm-eval")
	name, shots, _ := strings.Cut(run, "-")
	n, err := strconv.Atoi(strings.TrimSuffix(shots, "shot"))
	if err != nil {
		t.Fatal(err)
	}
	data, _, _ := strings.Cut(name, "_cot")
	spec := TaskSpec{Name: name, Path: dir + "/data/" + data + ".jsonl.gz", NumFewshot: &n}
	if n > 0 && data == name {
		spec.FewshotPath = dir + "/data/" + name + "_train.jsonl.gz"
	}
	spec.Limit = float64(len(jsonLines[any](t, dir+"/requests/"+run+".jsonl.gz")))
	return mustLoad(t, spec)
}

func TestFixtureRequests(t *testing.T) {
	dir := golden.Shared(t, "fixtures", "lm-eval")
	for _, run := range fixtureRuns {
		t.Run(run, func(t *testing.T) {
			r := &TaskResult{Questions: loadFixture(t, run), MaxGenToks: 64}
			type row struct {
				Context       string
				Continuations []string
				Gold          int
				Target        string
				Arguments     map[string]any `json:"gen_kwargs"`
				DocHash       string         `json:"doc_hash"`
				PromptHash    string         `json:"prompt_hash"`
				TargetHash    string         `json:"target_hash"`
			}
			rows := jsonLines[row](t, dir+"/requests/"+run+".jsonl.gz")
			if len(rows) != r.Len() {
				t.Fatalf("%d documents, %d expected", r.Len(), len(rows))
			}
			for i, want := range rows {
				d := r.documents[i]
				h, err := r.hashes(i)
				if err != nil {
					t.Fatal(err)
				}
				got := row{Context: d.context(), Gold: d.item.Gold, Target: d.item.Target, DocHash: h.doc, PromptHash: h.prompt, TargetHash: h.target}
				for c := range d.item.Choices {
					context, continuation := d.request(c)
					if context != got.Context {
						t.Errorf("context of choice %d: %q", c, context)
					}
					got.Continuations = append(got.Continuations, continuation)
				}
				if r.Task.Kind == task.Generate {
					raw, err := json.Marshal(r.generationArguments())
					if err == nil {
						err = json.Unmarshal(raw, &got.Arguments)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("document %d: %s", i, d)
				}
			}
		})
	}
}

func TestFixtureFewshot(t *testing.T) {
	dir := golden.Shared(t, "fixtures", "lm-eval")
	for _, run := range []string{"arc_easy-25shot", "gsm8k-5shot", "hellaswag-5shot"} {
		q := loadFixture(t, run)
		want := jsonFile[struct {
			PoolSize  int `json:"pool_size"`
			Documents []struct{ Used []int }
		}](t, dir+"/fewshot/"+run+".json")
		pool, err := readDocuments(q.Task, q.Spec.FewshotPath)
		if err != nil || len(pool) != want.PoolSize {
			t.Fatalf("%d examples, %v", len(pool), err)
		}
		d := newDrawer(pool, q.NumFewshot, q.Task.DrawsExtra)
		for i, doc := range q.documents {
			used, err := d.draw(doc)
			if err != nil || !slices.Equal(used, want.Documents[i].Used) {
				t.Errorf("%s, document %d: %v, want %v, %v", run, i, used, want.Documents[i].Used, err)
			}
		}
	}
}

// recorded answers with what another program's model answered.
type recorded struct {
	byteModel
	scores []Score
	texts  []string
}

func (m *recorded) Score(_ context.Context, groups iter.Seq[[]Request], each func([]Score) error) error {
	for reqs := range groups {
		scores := m.scores[:len(reqs)]
		m.scores = m.scores[len(reqs):]
		if err := each(scores); err != nil {
			return err
		}
	}
	return nil
}

func (m *recorded) Generate(_ context.Context, prompts iter.Seq[[]int32], _ int, _ func([]int32) bool, each func([]int32) error) error {
	for range prompts {
		ids := m.Encode(m.texts[0], false)
		m.texts = m.texts[1:]
		if err := each(ids); err != nil {
			return err
		}
	}
	return nil
}

func TestFixtureResults(t *testing.T) {
	dir := golden.Shared(t, "fixtures", "lm-eval")
	for _, run := range fixtureRuns {
		q := loadFixture(t, run)
		for _, model := range fixtureModels {
			t.Run(run+" "+model, func(t *testing.T) {
				m := &recorded{byteModel: byteModel{max: 1 << 20}}
				rows := jsonLines[map[string]any](t, dir+"/samples/"+model+"/"+run+".jsonl")
				for _, row := range rows {
					if text, ok := row["generated"].(string); ok {
						m.texts = append(m.texts, text)
						continue
					}
					greedy := row["is_greedy"].([]any)
					for i, ll := range row["loglikelihood"].([]any) {
						m.scores = append(m.scores, Score{LogLikelihood: ll.(float64), Greedy: greedy[i].(bool)})
					}
				}
				r := mustRun(t, q, m, Options{MaxGenToks: 64})
				for i, row := range rows {
					for _, metric := range r.Metrics {
						want := row[metric.Name]
						if filters, ok := want.(map[string]any); ok {
							want = filters[metric.Filter]
							fi := slices.Index(q.filterNames(), metric.Filter)
							if f := row["filtered"].(map[string]any)[metric.Filter]; f != r.Samples[i].Filtered[fi] {
								t.Errorf("document %d, %s: %q, want %q", i, metric.Filter, r.Samples[i].Filtered[fi], f)
							}
						}
						if metric.Values[i] != want {
							t.Errorf("document %d, %s: %v, want %v", i, metric.Key(), metric.Values[i], want)
						}
					}
				}
				want := jsonFile[struct{ Results map[string]any }](t, dir+"/results/"+model+"/"+run+".json").Results
				if keys := 3 + 2*len(r.Metrics); len(want) != keys {
					t.Errorf("the results have %d entries, ours %d", len(want), keys)
				}
				for _, metric := range r.Metrics {
					stderr, _ := metric.Stderr()
					if want[metric.Key()] != metric.Mean() || want[metric.StderrKey()] != stderr {
						t.Errorf("%s is %v ± %v, want %v ± %v", metric.Key(), metric.Mean(), stderr, want[metric.Key()], want[metric.StderrKey()])
					}
				}
			})
		}
	}
}

// TestFixtureData reads every data set in the form its authors gave it.
func TestFixtureData(t *testing.T) {
	for _, tc := range []struct {
		task, path string
		rows       int
	}{
		{"hellaswag", "hellaswag/part1.jsonl.gz", 6000},
		{"arc_easy", "arc/arc_easy_test.jsonl", 2376},
		{"arc_challenge", "arc/arc_challenge_train.jsonl", 1119},
		{"social_iqa", "social_iqa/dev.jsonl", 1954},
		{"openbookqa", "openbookqa/llm_foundry_test.jsonl", 500},
		{"gsm8k", "gsm8k/train.jsonl", 7473},
	} {
		path := golden.Shared(t, "data", tc.path)
		zero := 0
		if _, err := os.Stat(path); err != nil {
			t.Fatal(err)
		}
		if q := mustLoad(t, TaskSpec{Name: tc.task, Path: path, NumFewshot: &zero}); q.Len() != tc.rows {
			t.Errorf("%s: %d documents, want %d", tc.path, q.Len(), tc.rows)
		}
	}
}
