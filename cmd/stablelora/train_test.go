package main

import "testing"

func TestCommandLine(t *testing.T) {
	args := []string{"train", "--set", "data.train=[{path: a b.jsonl}]", "--output", "it's", "", "runs/é-1"}
	const want = `stablelora train --set 'data.train=[{path: a b.jsonl}]' --output 'it'\''s' '' runs/é-1`
	if got := commandLine(args); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
