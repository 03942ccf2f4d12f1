package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const evalSection = `eval:
  tasks:
    - {name: hellaswag, path: demo/data/hellaswag_test.jsonl, limit: 2}
`

type fullDevice struct{}

func (fullDevice) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// A command whose result could not be written to standard output ends with 1, and
// a run of training is finished all the same.
func TestFullOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	if code := run([]string{"init", "--demo", "demo"}, nil, &bytes.Buffer{}, &bytes.Buffer{}); code != 0 {
		t.Fatal("no demo")
	}
	if err := os.WriteFile("run.yaml", []byte(runConfig+evalSection), 0o644); err != nil {
		t.Fatal(err)
	}
	task := "--model demo/model --tasks hellaswag --data hellaswag=demo/data/hellaswag_test.jsonl --limit 2"
	sweep := "sweep --config run.yaml --grid lora.r=2 --set train.max_steps=1 --set train.learning_rate=0.1 --output sweep"
	for _, line := range []string{
		"", "--help", "--version", "version", "version --json", "help train", "completion", "completion bash", "completion zsh --json",
		"init", "init --json new.yaml", "plan --config run.yaml --gflops 10", "plan --config run.yaml --gflops 10 --json",
		"train --config run.yaml --dry-run", "train --config run.yaml --json", "train --config run.yaml --overwrite",
		"tokenize --model demo/model Ben", "tokenize --model demo/model --json Ben",
		"generate --model demo/model --prompt Ben --max-new-tokens 2", "generate --model demo/model --prompt Ben --max-new-tokens 2 --json",
		"inspect out", "inspect out --json", "report out", "report out --json",
		"eval --tasks list", "eval " + task, "eval --json " + task, "eval --output results " + task,
		"merge --model demo/model --adapter out --output merged", "merge --model demo/model --adapter out --output merged2 --json",
		sweep, sweep + "2 --json",
	} {
		var stderr bytes.Buffer
		code := run(strings.Fields(line), strings.NewReader(""), fullDevice{}, &stderr)
		if code != 1 || !strings.Contains(stderr.String(), "stablelora: the result could not be written to standard output: no space left on device") {
			t.Errorf("stablelora %s ends with %d and says\n%s", line, code, &stderr)
		}
	}
	for _, path := range []string{"out/stablelora.json", "out/report.html", "results/results.json", "merged/config.json", "sweep/sweep.csv", "stablelora.yaml"} {
		if _, err := os.Stat(filepath.FromSlash(path)); err != nil {
			t.Error(err)
		}
	}
}
