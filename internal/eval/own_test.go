package eval

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/task"
)

// runOwn evaluates a task file of testdata and returns the files' contents.
func runOwn(t *testing.T, name string, shots *int, m *byteModel) (samples []string, results map[string]any) {
	t.Helper()
	q := mustLoad(t, TaskSpec{Name: "testdata/own/" + name + ".yaml", NumFewshot: shots})
	dir := t.TempDir()
	if err := WriteResults(dir, []Outcome{{Base: mustRun(t, q, m, Options{})}}, Info{Started: time.Unix(1, 0)}, true); err != nil {
		t.Fatal(err)
	}
	return lines(t, filepath.Join(dir, "samples_"+name+".jsonl")), jsonFile[map[string]any](t, filepath.Join(dir, "results.json"))
}

// compareResults compares what a results file says of one task.
func compareResults(t *testing.T, name string, want, got map[string]any) {
	t.Helper()
	for _, key := range []string{"results", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes"} {
		if d := cmp.Diff(want[key].(map[string]any)[name], got[key].(map[string]any)[name]); d != "" {
			t.Errorf("%s, %s: %s", name, key, d)
		}
	}
}

// TestTaskFilesOfHarness runs task files of the harness's own and compares with
// what it wrote of them, as TestHarnessFiles does of the tasks built in.
func TestTaskFilesOfHarness(t *testing.T) {
	files := map[string]bool{"arc_easy": true, "openbookqa": true, "social_iqa": true, "piqa": true, "winogrande": true, "boolq": true, "gsm8k": true, "gsm8k_cot": true}
	for _, shots := range []int{0, 2} {
		prefix := fmt.Sprintf("testdata/%dshot.", shots)
		all, want := lines(t, prefix+"samples.jsonl"), jsonFile[map[string]any](t, prefix+"results.json")
		for _, name := range goldenTasks {
			builtin, _ := task.Lookup(name)
			n := 6 * max(1, len(builtin.Filters))
			if files[name] {
				samples, got := runOwn(t, name, &shots, hashedModel())
				if d := cmp.Diff(all[:n], samples); d != "" {
					t.Errorf("%d-shot %s: %s", shots, name, d)
				}
				compareResults(t, name, want, got)
			}
			all = all[n:]
		}
	}
}

// TestTaskFiles runs made-up task files and compares with what the harness made
// of them (scripts/golden/taskfile.py).
func TestTaskFiles(t *testing.T) {
	want := jsonFile[map[string]any](t, "testdata/own.json")
	samples := want["samples"].(map[string]any)
	for name, lines := range samples {
		got, results := runOwn(t, name, nil, ownModel())
		var wanted []string
		for _, line := range lines.([]any) {
			wanted = append(wanted, line.(string))
		}
		if d := cmp.Diff(wanted, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		compareResults(t, name, want, results)
	}
	if len(samples) != 5 {
		t.Errorf("%d tasks", len(samples))
	}
}

// ownModel is the model of that script.
func ownModel() *byteModel {
	number := func(text string) int {
		sum := sha256.Sum256([]byte(text))
		return int(sum[0])<<16 | int(sum[1])<<8 | int(sum[2])
	}
	replies := []string{"1", " The answer is two. Or the answer is (c)", "(C) 7", "it's", "", " the 3\nline", "12"}
	return &byteModel{
		max: 1 << 20,
		score: func(context, continuation string) Score {
			n := number(context + continuation)
			return Score{LogLikelihood: -float64(n) / 4096, Greedy: n%2 == 0}
		},
		reply: func(prompt string) string { return replies[number(prompt)%len(replies)] },
	}
}
