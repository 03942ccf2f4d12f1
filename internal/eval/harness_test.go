package eval

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The harness ran the same documents with a model that answers from a hash of
// the text (scripts/golden/lmeval.py); this is that model.
func hashedModel() *byteModel {
	digest := func(text string, digits int) int64 {
		sum := sha256.Sum256([]byte(text))
		v, err := strconv.ParseInt(hex.EncodeToString(sum[:])[:digits], 16, 64)
		if err != nil {
			panic(err)
		}
		return v
	}
	return &byteModel{
		max: 1 << 20,
		score: func(context, continuation string) Score {
			return Score{LogLikelihood: -float64(digest(context+continuation, 6)) / 4096}
		},
		reply: func(prompt string) string {
			parts := strings.Split(prompt, " apples")
			words := strings.Fields(parts[len(parts)-2])
			n := words[len(words)-1]
			i, _ := strconv.Atoi(n)
			two := strconv.Itoa(2 * i)
			return []string{
				fmt.Sprintf(" %s+%s\n#### %s", n, n, two), fmt.Sprintf(" That is %s. The final answer is $%s.", two, two), fmt.Sprintf(" The answer is %s", two),
				fmt.Sprintf(" #### %s", n), fmt.Sprintf("#### %s,000 or $ 7", two),
			}[digest(prompt, 4)%5]
		},
	}
}

var goldenTasks = []string{"hellaswag", "arc_easy", "openbookqa", "social_iqa", "piqa", "winogrande", "boolq", "gsm8k",
	"gsm8k_cot", "gsm8k_cot_zeroshot", "gsm8k_cot_llama"}

// runGolden evaluates the documents of testdata.
func runGolden(t *testing.T, shots int) []Outcome {
	t.Helper()
	var outcomes []Outcome
	for _, name := range goldenTasks {
		q := mustLoad(t, goldenSpec(name, shots))
		outcomes = append(outcomes, Outcome{Base: mustRun(t, q, hashedModel(), Options{})})
	}
	return outcomes
}

func goldenSpec(name string, shots int) TaskSpec {
	data, _, _ := strings.Cut(name, "_cot") // the gsm8k tasks share their documents
	spec := TaskSpec{Name: name, Path: "testdata/" + data + ".jsonl", NumFewshot: &shots}
	if data == name {
		spec.FewshotPath = "testdata/" + data + "_train.jsonl"
	}
	return spec
}

// TestHarnessFiles compares samples byte for byte and results value for value
// with what the harness wrote, and the table with what it printed.
func TestHarnessFiles(t *testing.T) {
	for _, shots := range []int{0, 2} {
		t.Run(fmt.Sprintf("%d-shot", shots), func(t *testing.T) {
			outcomes := runGolden(t, shots)
			dir := t.TempDir()
			if err := WriteResults(dir, outcomes, Info{Started: time.Unix(1, 0)}, true); err != nil {
				t.Fatal(err)
			}
			var samples []string
			for _, name := range goldenTasks {
				samples = append(samples, lines(t, filepath.Join(dir, "samples_"+name+".jsonl"))...)
			}
			prefix := fmt.Sprintf("testdata/%dshot.", shots)
			if d := cmp.Diff(lines(t, prefix+"samples.jsonl"), samples); d != "" {
				t.Error(d)
			}
			want, got := jsonFile[map[string]any](t, prefix+"results.json"), jsonFile[map[string]any](t, filepath.Join(dir, "results.json"))
			for key := range want {
				if d := cmp.Diff(want[key], got[key]); d != "" {
					t.Errorf("%s: %s", key, d)
				}
			}
			var table bytes.Buffer
			var results []*TaskResult
			for _, o := range outcomes {
				results = append(results, o.Result())
			}
			if err := Table(&table, results); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(lines(t, prefix+"table.txt"), strings.Split(strings.TrimSuffix(table.String(), "\n"), "\n")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestResultsOfTwoModels(t *testing.T) {
	zero := 0
	q := mustLoad(t, TaskSpec{Name: "gsm8k", Path: "testdata/gsm8k.jsonl", NumFewshot: &zero, Limit: 0.3})
	wrong, right := hashedModel(), hashedModel()
	wrong.reply = func(string) string { return "no" }
	right.reply = func(prompt string) string {
		for _, d := range q.documents {
			if d.context() == prompt {
				return d.item.Completion()
			}
		}
		return ""
	}
	o := Outcome{Base: mustRun(t, q, wrong, Options{}), Adapted: mustRun(t, q, right, Options{})}
	dir := t.TempDir()
	if err := WriteRunResults(filepath.Join(dir, "run.json"), []Outcome{o}); err != nil {
		t.Fatal(err)
	}
	if err := WriteResults(dir, []Outcome{o}, Info{Model: "a/b", Adapter: "c:d", Limit: 0.3, Started: time.Unix(1, 0)}, false); err != nil {
		t.Fatal(err)
	}
	difference := map[string]any{"value": 1.0, "stderr": 0.0, "p_value": 0.5}
	metrics := func(v, invalid float64) map[string]any {
		return map[string]any{
			"exact_match,strict-match": v, "exact_match_stderr,strict-match": 0.0, "invalid,strict-match": invalid,
			"exact_match,flexible-extract": v, "exact_match_stderr,flexible-extract": 0.0, "invalid,flexible-extract": invalid,
		}
	}
	want := map[string]any{"tasks": map[string]any{"gsm8k": map[string]any{
		"n": 2.0, "n_original": 6.0, "subset": true, "truncated": 0.0, "num_fewshot": 0.0, "version": 3.0,
		"base": metrics(0, 1), "adapted": metrics(1, 0),
		"difference": map[string]any{"exact_match,strict-match": difference, "exact_match,flexible-extract": difference},
	}}}
	if d := cmp.Diff(want, jsonFile[map[string]any](t, filepath.Join(dir, "run.json"))); d != "" {
		t.Error(d)
	}
	got := jsonFile[struct {
		Results, Base map[string]map[string]any
		Config        map[string]any
		Name          string                                    `json:"model_name_sanitized"`
		Samples       map[string]map[string]int                 `json:"n-samples"`
		Ours          struct{ Tasks map[string]map[string]any } `json:"stablelora"`
	}](t, filepath.Join(dir, "results.json"))
	if got.Results["gsm8k"]["exact_match,strict-match"] != 1.0 || got.Base["gsm8k"]["exact_match,strict-match"] != 0.0 ||
		got.Name != "c__d" || got.Config["limit"] != 0.3 || got.Samples["gsm8k"]["original"] != 6 || got.Samples["gsm8k"]["effective"] != 2 ||
		got.Ours.Tasks["gsm8k"]["subset"] != true || got.Ours.Tasks["gsm8k"]["difference"] == nil || got.Ours.Tasks["gsm8k"]["invalid,strict-match"] != 0.0 {
		t.Errorf("%+v", got)
	}
	var table bytes.Buffer
	if err := CompareTable(&table, []Outcome{o}); err != nil {
		t.Fatal(err)
	}
	row := "|gsm8k|exact_match|strict-match    |  2|0.0000| 1.0000|   +1.0000|±  |0.0000|0.5|"
	if !strings.Contains(table.String(), row) {
		t.Errorf("no row %s in\n%s", row, table.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "samples_gsm8k.jsonl")); err == nil {
		t.Error("samples were not asked for")
	}
}

func TestDump(t *testing.T) {
	for _, tc := range []struct{ in, compact, indented string }{
		{`{"a":[],"b":{},"c":[1,{"d":null}]}`, `{"a": [], "b": {}, "c": [1, {"d": null}]}`, "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": null\n    }\n  ]\n}"},
		{`"\u0001\u007f\u2028é<\/\"\\\b\f\n\r\t"`, "\"\\u0001\x7f\u2028é</\\\"\\\\\\b\\f\\n\\r\\t\"", ""},
		{`[1e5,1.50,1e16,0.0001,0.00001,-0.0,123456789012345678901234567890,1e22]`, `[100000.0, 1.5, 1e+16, 0.0001, 1e-05, -0.0, 123456789012345678901234567890, 1e+22]`, ""},
		{`[true,false]`, `[true, false]`, ""},
	} {
		for indent, want := range map[int]string{0: tc.compact, 2: tc.indented} {
			var b bytes.Buffer
			if err := dump(&b, json.RawMessage(tc.in), indent); err != nil {
				t.Fatal(err)
			}
			if want != "" && b.String() != want {
				t.Errorf("%s: %q, want %q", tc.in, b.String(), want)
			}
		}
	}
}
