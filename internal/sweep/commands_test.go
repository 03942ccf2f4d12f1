package sweep

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every sweep that the paper's pages print can be started: its configuration loads
// strictly and every cell of its grid is in range. Each of its axes goes with every
// task of the paper.
func TestPaperCommands(t *testing.T) {
	t.Chdir("../..") // where the pages' commands start
	tasks, err := filepath.Glob("configs/paper/*.yaml")
	if err != nil || len(tasks) == 0 {
		t.Fatal(tasks, err)
	}
	pages := map[string][]int{"configs/paper/README.md": {360, 450, 30}, "docs/paper.md": {18, 18, 75, 75}}
	for page, want := range pages {
		var runs []int
		for _, o := range sweepsOf(t, page) {
			runs = append(runs, runsOf(t, o))
			if !slices.Contains(tasks, o.Config) {
				continue
			}
			grid := o.Grid
			for _, o.Config = range tasks {
				for _, axis := range grid {
					o.Grid = []string{axis}
					runsOf(t, o)
				}
			}
		}
		if !slices.Equal(runs, want) {
			t.Errorf("the sweeps of %s have %v runs, want %v", page, runs, want)
		}
	}
}

func runsOf(t *testing.T, o Options) int {
	t.Helper()
	runs, warnings, err := plan(o)
	if err != nil || len(warnings) > 0 {
		t.Errorf("%s %v: %v %v", o.Config, o.Grid, err, warnings)
	}
	return len(runs)
}

// sweepsOf reads the sweep commands of a page's sh blocks.
func sweepsOf(t *testing.T, page string) (sweeps []Options) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.ReplaceAll(string(text), "\\\n", " "))
	for line := range strings.Lines(string(text)) {
		arguments, ok := strings.CutPrefix(strings.TrimSpace(line), "stablelora sweep ")
		if !ok {
			continue
		}
		var o Options
		for _, flag := range strings.Split(" "+arguments, " --")[1:] {
			name, value, _ := strings.Cut(strings.TrimSpace(flag), " ")
			value = strings.Trim(strings.TrimSpace(value), "'")
			switch name {
			case "config":
				o.Config = value
			case "set":
				o.Sets = append(o.Sets, value)
			case "grid":
				o.Grid = append(o.Grid, value)
			case "seeds":
				o.Seeds = value
			case "output":
				o.Dir = value
			default:
				t.Fatalf("%s: a flag --%s", page, name)
			}
		}
		sweeps = append(sweeps, o)
	}
	return sweeps
}
