package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/task"
)

func TestConfigurationKnowsTheTasks(t *testing.T) {
	if diff := cmp.Diff(task.Names(), config.Tasks()); diff != "" {
		t.Errorf("task.Names is -, config.Tasks +:\n%s", diff)
	}
}

func TestCommandLine(t *testing.T) {
	args := []string{"train", "--set", "data.train=[{path: a b.jsonl}]", "--output", "it's", "", "runs/é-1"}
	const want = `stablelora train --set 'data.train=[{path: a b.jsonl}]' --output 'it'\''s' '' runs/é-1`
	if got := commandLine(args); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
