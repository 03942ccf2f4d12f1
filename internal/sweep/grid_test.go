package sweep

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/config"
)

func TestSplitValues(t *testing.T) {
	for list, want := range map[string][]string{
		"1e-4,3e-4":                     {"1e-4", "3e-4"},
		" a , b ":                       {"a", "b"},
		"[q_proj,v_proj],all-linear":    {"[q_proj,v_proj]", "all-linear"},
		"[{path: a, format: b},{c: d}]": {"[{path: a, format: b},{c: d}]"},
		`'a,b',"c\",d"`:                 {`'a,b'`, `"c\",d"`},
		"['[',x],y":                     {"['[',x]", "y"},
		"don't,won't":                   {"don't", "won't"}, // plain texts of YAML
		"a],b":                          {"a]", "b"},
		"a,,b":                          {"a", "", "b"},
	} {
		got, err := splitValues(list)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v, %s", list, err, d)
		}
	}
	for _, list := range []string{"[a,b", "'a", "{a: [b}", `"a\"`} {
		if got, err := splitValues(list); err == nil {
			t.Errorf("%s: %q", list, got)
		}
	}
}

func TestParseGrid(t *testing.T) {
	g, problems := ParseGrid([]string{"a=1,2", " b =x,y,z"}, "3, 1")
	want := Grid{Axes: []Axis{{"a", []string{"1", "2"}}, {"b", []string{"x", "y", "z"}}}, Seeds: []uint64{3, 1}}
	if d := cmp.Diff(want, g); problems != nil || d != "" {
		t.Error(problems, d)
	}
	if g.cells() != 6 || g.runs() != 12 || cmp.Diff([]string{"2", "x"}, g.values(3)) != "" {
		t.Errorf("%d cells, %d runs, cell 3 is %q", g.cells(), g.runs(), g.values(3))
	}
	_, problems = ParseGrid([]string{"a", "=1", "b=", "c=1,,2", "d=1,1", "e=1", "e=2", "train.seed=1", "output.dir=x", "f=[1"}, "1,x,-2,1,1.5,9223372036854775808")
	if d := cmp.Diff([]string{
		"--grid a: write it as key=value,value, for example --grid lora.r=4,8",
		"--grid =1: write it as key=value,value, for example --grid lora.r=4,8",
		"--grid b=: the list of values is empty",
		"--grid c=1,,2: value 2 of 3 is empty; write '' for an empty text",
		"--grid d=1,1: the value 1 is given twice",
		"--grid e=2: e is given twice; write all its values into one --grid",
		"--grid train.seed=1: train.seed is not for the grid: give the seeds with --seeds",
		"--grid output.dir=x: output.dir is not for the grid: each run has a folder of its own below --output",
		"--grid f=[1: a bracket or quote is not closed",
		`--seeds 1,x,-2,1,1.5,9223372036854775808: "x" is not a whole number from 0 to 2^63-1`,
		`--seeds 1,x,-2,1,1.5,9223372036854775808: "-2" is not a whole number from 0 to 2^63-1`,
		"--seeds 1,x,-2,1,1.5,9223372036854775808: 1 is given twice",
		`--seeds 1,x,-2,1,1.5,9223372036854775808: "1.5" is not a whole number from 0 to 2^63-1`,
		`--seeds 1,x,-2,1,1.5,9223372036854775808: "9223372036854775808" is not a whole number from 0 to 2^63-1`,
	}, problems); d != "" {
		t.Error(d)
	}
	many := "k=0" + strings.Repeat(",1", 0)
	for i := range 200 {
		many += "," + strings.Repeat("1", i+1)
	}
	if _, problems := ParseGrid([]string{many, strings.Replace(many, "k", "l", 1)}, ""); len(problems) != 1 || !strings.Contains(problems[0], "more than 10000 runs") {
		t.Errorf("%q", problems)
	}
}

// writeConfig makes a configuration whose files need not exist.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte("model: {path: m}\ndata: {train: [{path: d}]}\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPlan(t *testing.T) {
	o := Options{Config: writeConfig(t, "optimizer: {shrink_ratio: 0.1}"), Sets: []string{"lora.r=2"}, Dir: "out", Seeds: "7,8",
		Grid: []string{"lora.target_modules=[q_proj,v_proj],all-linear", "optimizer.name=adamw,stable_lora", "optimizer.reg=1"}}
	runs, warnings, err := plan(o)
	if err != nil || len(runs) != 8 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	// Of shrink_ratio only half of the cells take no notice.
	if len(warnings) != 2 || !strings.HasPrefix(warnings[0], "optimizer.reg has no effect: ") || !strings.HasPrefix(warnings[1], "optimizer.reg has no effect: ") {
		t.Errorf("%q", warnings)
	}
	p := runs[3]
	if p.cell != 1 || p.folder != "lora.target_modules=q_proj,v_proj,optimizer.name=stable_lora,optimizer.reg=1,seed=8" ||
		p.cfg.Train.Seed != 8 || p.cfg.LoRA.R != 2 || p.cfg.Output.Dir != filepath.Join("out", p.folder) ||
		cmp.Diff(config.Targets{Names: []string{"q_proj", "v_proj"}}, p.cfg.LoRA.TargetModules) != "" {
		t.Errorf("%+v %+v", p, p.cfg)
	}
	if runs[4].cfg.LoRA.TargetModules.Pattern != config.AllLinear {
		t.Errorf("%+v", runs[4].cfg.LoRA)
	}
	hashes := map[string]bool{}
	for _, p := range runs {
		hashes[identity(p.cfg)] = true
	}
	if len(hashes) != 8 {
		t.Errorf("%d identities of 8 runs", len(hashes))
	}
}

// All mistakes of all cells are told at once.
func TestPlanProblems(t *testing.T) {
	path := writeConfig(t, "lora: {alpha: 0}\n")
	_, _, err := plan(Options{Config: path, Dir: "out", Seeds: "1,1", Sets: []string{"lora.dropout=2"},
		Grid: []string{"lora.rr=4,8", "train.learning_rate=-1,1e-3", "optimizer.name=adamm", "lora.r=1.5", "eval.tasks="}})
	var wrong *config.Error
	if !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"--grid eval.tasks=: the list of values is empty", "--seeds 1,1: 1 is given twice",
		"c.yaml:3: lora.alpha: must be above 0, not 0", "--set lora.dropout=2: must be at least 0 and below 1, not 2",
		"--grid lora.rr=4: unknown key; did you mean lora.r?", "--grid train.learning_rate=-1: must be above 0, not -1",
		`--grid optimizer.name=adamm: must be one of stable_lora, adamw`, "--grid lora.r=1.5: must be a whole number, not 1.5",
	} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("not once %q in\n%v", want, err)
		}
	}
	_, _, err = plan(Options{Config: writeConfig(t, ""), Dir: "out", Grid: []string{"train.learning_rate=1e-3,0.001"}})
	if err == nil || err.Error() != "--grid: train.learning_rate=1e-3 and train.learning_rate=0.001 are the same settings; remove one" {
		t.Error(err)
	}
}

func TestFolderName(t *testing.T) {
	taken := map[string]bool{}
	for _, c := range []struct{ text, want string }{
		{"a=[x, 'y']", "a=x,y,seed=1"},
		{"p=../m:1", "p=..-m-1,seed=1"},
		{"a=x,y", "a=x,y,seed=1~"}, // the first one's name
		{"A=X,Y", "A=X,Y,seed=1~"}, // the same where case does not count
		{"é=ü", "-=-,seed=1"},
		{strings.Repeat("x", 500), strings.Repeat("x", 180) + "~"},
	} {
		got := folderName([]string{c.text, "seed=1"}, taken)
		if c.want = strings.TrimLeft(c.want, "-"); !strings.HasPrefix(got, c.want) || len(got) > len(c.want) && c.want[len(c.want)-1] != '~' {
			t.Errorf("%.20s: %s, want %s", c.text, got, c.want)
		}
	}
}
