//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A sweep that is killed in one run and interrupted in another goes on to the end
// of the one left alone, and keeps the table of what was done at every moment.
func TestSweepStopped(t *testing.T) {
	dir := workshop(t)
	args := func(out string) []string {
		return []string{"sweep", "--config", "run.yaml", "--output", out, "--seeds", "1,2", "--grid", "train.learning_rate=1e-3,2e-3", "--resume",
			"--set", "eval.tasks=[{name: hellaswag, path: demo/data/hellaswag_test.jsonl, limit: 6}]"}
	}
	start(t, dir, args("whole")...).ends(0)
	done := func() [][]byte {
		table, err := os.ReadFile(filepath.Join(dir, "out", "sweep.csv"))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Split(bytes.TrimSpace(table), []byte("\n"))[1:]
	}
	run := func(name string) string { return filepath.Join(dir, "out", "train.learning_rate="+name) }

	p := start(t, dir, args("out")...)
	whenSteps(t, run("1e-3,seed=2"), 3)
	p.signal(syscall.SIGKILL)
	p.ends(-1)
	first := done()
	if len(first) != 1 {
		t.Fatalf("%q", first)
	}
	p = start(t, dir, args("out")...)
	whenSteps(t, run("2e-3,seed=1"), 3)
	p.signal(syscall.SIGINT)
	p.ends(130)
	if text := p.stderr.String(); !strings.Contains(text, "2 of 4 runs are done, go on with --resume") || !strings.Contains(text, "saved out/train.learning_rate=2e-3,seed=1/checkpoint-") {
		t.Errorf("it said:\n%s", text)
	}
	if now := done(); len(now) != 2 || !bytes.Equal(now[0], first[0]) {
		t.Errorf("%q, and before the kill %q", now, first)
	}
	p = start(t, dir, append(args("out"), "--json")...)
	p.ends(0)
	if text := p.stderr.String(); !strings.Contains(text, "resuming from out/train.learning_rate=2e-3,seed=1/checkpoint-") {
		t.Errorf("it said:\n%s", text)
	}
	for _, name := range []string{"1e-3,seed=1", "1e-3,seed=2", "2e-3,seed=1", "2e-3,seed=2"} {
		sameRun(t, filepath.Join(dir, "whole", "train.learning_rate="+name), run(name))
	}
	if a, b := read(t, dir, "whole", "base.jsonl"), read(t, dir, "out", "base.jsonl"); a != b {
		t.Errorf("the base model's answers differ: %s and %s", a, b)
	}
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
