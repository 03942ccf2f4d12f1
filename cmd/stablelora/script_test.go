package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary a stand-in for the program: under the name
// stablelora it is the program.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"stablelora": main})
}

// runConfig trains the demo's model for four steps of four records.
const runConfig = `model:
  path: demo/model
data:
  train:
    - path: demo/data/gsm8k_train.jsonl
      max_samples: 16
train:
  max_steps: 4
  batch_size: 4
  learning_rate: 1.0e-3
output:
  dir: out
log:
  every: 2
`

// TestScripts runs testdata/script. Each script finds run.yaml and $PARQUET, a
// folder of Parquet files, and has the commands below beside testscript's own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			parquet, err := filepath.Abs("../../internal/parquet/testdata")
			if err != nil {
				return err
			}
			e.Setenv("PARQUET", parquet)
			return os.WriteFile(filepath.Join(e.WorkDir, "run.yaml"), []byte(runConfig), 0o644)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   cmdExits,
			"json":    cmdJSON,
			"setjson": cmdSetJSON,
			"corrupt": cmdCorrupt,
			"copydir": cmdCopyDir,
			"holds":   cmdHolds,
			"help":    cmdHelp,
			"allstop": cmdAllStop,
			"spoilt":  cmdSpoilt,
			"unfit":   cmdUnfit,
		},
		RequireUniqueNames: true,
	})
}

// exits CODE PROGRAM ARGS... runs a program that must end with CODE. A failure
// must be one message of the program's and no crash.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code, err := 0, ts.Exec(args[1], args[2:]...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	message := ts.ReadFile("stderr")
	if want != 0 && strings.Count("\n"+message, "\nstablelora: ") != 1 || strings.Contains(message, "goroutine ") {
		ts.Fatalf("not one message of the program's")
	}
}

// copydir FROM TO copies a folder.
func cmdCopyDir(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copydir FROM TO")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
}

// holds DIR NAMES... checks that a folder holds these entries and no others.
func cmdHolds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: holds DIR [NAME...]")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var have []string
	for _, e := range entries {
		have = append(have, e.Name())
	}
	want := slices.Sorted(slices.Values(args[1:]))
	slices.Sort(have)
	if !slices.Equal(have, want) {
		ts.Fatalf("%s holds %s, not %s", args[0], have, want)
	}
}

// help COMMAND... checks the help of commands: an example and the exit codes.
func cmdHelp(ts *testscript.TestScript, neg bool, args []string) {
	for _, command := range args {
		ts.Check(ts.Exec("stablelora", append(strings.Fields(command), "--help")...))
		text := ts.ReadFile("stdout")
		for _, want := range []string{"\nUsage:\n", "\nExamples:\n  ", "  0    done\n", "  1    ", "  2    usage", "  3    an input", "  4    diverged", "  5    ", "  130  ", "  143  "} {
			if !strings.Contains(text, want) {
				ts.Fatalf("the help of %q lacks %q", command, want)
			}
		}
	}
}

// allstop FILE makes every token of the demo's vocabulary an end of sequence.
func cmdAllStop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: allstop FILE")
	}
	ids := make([]string, 1024)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	cmdSetJSON(ts, false, []string{args[0], "eos_token_id", "[" + strings.Join(ids, ",") + "]"})
}

// Bad input has a sentence for each kind of it: the scripts check so many different
// ones, each with its exit code.
func TestBadInputIsManifold(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	checked := regexp.MustCompile(`(?m)^exits [235] .*\n(stderr '.*')$|^(?:spoilt|unfit) \S+ \S+ ('.*')$`)
	kinds := map[string]bool{}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range checked.FindAllStringSubmatch(string(text), -1) {
			kinds[m[1]+m[2]] = true
		}
	}
	t.Logf("%d kinds of bad input", len(kinds))
	if len(kinds) < 150 {
		t.Errorf("only %d kinds of bad input have a sentence that is checked", len(kinds))
	}
}
