package configs

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
)

func TestEveryConfigurationLoads(t *testing.T) {
	names, err := fs.Glob(FS, "*.yaml")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d configurations (%v), want the demo's and one for each of the paper's four models", len(names), err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			c, err := config.Load(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Data.Train) == 0 || len(c.Eval.Tasks) == 0 || !c.Eval.Base {
				t.Error("a configuration of ours trains and scores before and after")
			}
		})
	}
}

// The demo must run from a fresh clone: all its files are in the tree.
func TestDemoIsComplete(t *testing.T) {
	for _, name := range []string{"quickstart.yaml", "sweep.yaml"} {
		c, err := config.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		paths := []string{c.Model.Path}
		for _, f := range append(c.Data.Train, c.Data.Eval...) {
			paths = append(paths, f.Path)
		}
		for _, task := range c.Eval.Tasks {
			paths = append(paths, task.Path)
		}
		for _, p := range paths {
			if _, err := os.Stat(p); err != nil {
				t.Error(err)
			}
		}
	}
}
