package data

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
)

// TestTaskFile: the harness's own task files give the examples of the formats
// that are built in.
func TestTaskFile(t *testing.T) {
	const dir = "../eval/testdata/"
	for _, name := range []string{"arc_easy", "openbookqa", "social_iqa", "piqa", "winogrande", "boolq", "gsm8k"} {
		format := name
		if name == "arc_easy" {
			format = "arc"
		}
		cfg := defaults()
		cfg.MaxLength = 1 << 20
		var hashes []string
		for _, format := range []string{format, dir + "own/" + name + ".yaml"} {
			set, err := Load(cfg, []config.DataFile{{Path: dir + name + ".jsonl", Format: format}}, encoding())
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, set.Hash)
		}
		if hashes[0] != hashes[1] {
			t.Errorf("%s: other examples", name)
		}
	}
}

// TestTaskFileCompletion: what is learned is what evaluation measures or
// expects, after the task's description and question.
func TestTaskFileCompletion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.yaml")
	for task, want := range map[string]string{
		"output_type: loglikelihood\ndoc_to_text: 'x{{a}}'\ndoc_to_target: b\nmetric_list: [{metric: acc}]": "^d\nxA{B$}",
		"doc_to_text: a\ndoc_to_target: b\ntarget_delimiter: '->'":                                          "^d\nA{->B$}",
	} {
		if err := os.WriteFile(path, []byte("test_split: t\ndescription: \"d\\n\"\n"+task+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		set, err := load(t, defaults(), `{"a": "A", "b": "B"}`, config.DataFile{Format: path})
		if err != nil {
			t.Fatal(err)
		}
		if got := marked(set.Examples[0]); got != want {
			t.Errorf("%s: %q, want %q", task, got, want)
		}
	}
}
