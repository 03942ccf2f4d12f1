package sweep

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/train"
)

func TestMain(m *testing.M) {
	if _, err := blas.Install(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// reporter calls onStep after each step of any run and counts them.
type reporter struct {
	silent
	steps  int
	onStep func(steps int)
	said   []string
}

func (r *reporter) Step(metrics.StepRow) {
	if r.steps++; r.onStep != nil {
		r.onStep(r.steps)
	}
}
func (r *reporter) Message(s string) { r.said = append(r.said, s) }
func (r *reporter) Warn(s string)    { r.said = append(r.said, s) }

// demoSweep compares two optimizers on the demo: 3 steps of 2 records.
func demoSweep(t *testing.T, r *reporter) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return Options{
		Config: path, Dir: filepath.Join(t.TempDir(), "out"), Version: "test", Seeds: "1,2",
		Sets: []string{"model.path=../demo/model", "train.max_steps=3", "train.batch_size=2", "lora.dropout=0.1",
			"data.train=[{path: ../demo/data/hellaswag_train.jsonl, max_samples: 8}]",
			"data.eval=[{path: ../demo/data/gsm8k_test.jsonl, max_samples: 2}]",
			"eval.tasks=[{name: hellaswag, path: ../demo/data/hellaswag_test.jsonl, limit: 3}]"},
		Grid:     []string{"optimizer.name=adamw,stable_lora"},
		Command:  func(args []string) string { return "stablelora " + strings.Join(args, " ") },
		Reporter: func(int) metrics.Reporter { return r },
	}
}

func mustRun(t *testing.T, o Options) *Report {
	t.Helper()
	report, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// files are what a folder holds, checkpoints and times left out, by path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	times := regexp.MustCompile(`"(elapsed_seconds|tokens_per_second|seconds)": ?[0-9.e+-]+`)
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "checkpoint-") {
			return fs.SkipDir // an interruption leaves one
		}
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[name] = string(times.ReplaceAll(bytes.ReplaceAll(data, []byte(dir), nil), nil))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func rows(t *testing.T, dir string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, CSVFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Every run is the one that train makes of the same settings, byte for byte: the
// adapter and all that lies beside it.
func TestRunsAreTrains(t *testing.T) {
	o := demoSweep(t, &reporter{})
	report := mustRun(t, o)
	if report.Finished != 4 || report.Failed != 0 || len(report.Cells) != 2 {
		t.Fatalf("%+v", report)
	}
	for _, run := range report.Runs {
		cfg, err := config.Load(o.Config, append(o.Sets, "optimizer.name="+run.Values["optimizer.name"], fmt.Sprintf("train.seed=%d", run.Seed)))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(o.Dir, run.Folder)
		card := strings.SplitAfter(files(t, dir)["README.md"], "    stablelora ")
		if len(card) != 2 || !strings.HasPrefix(card[1], "train --config ") || !strings.Contains(card[1], fmt.Sprintf("--set train.seed=%d --output ", run.Seed)) {
			t.Errorf("the card's command is %q", card)
		}
		alone := filepath.Join(t.TempDir(), "alone")
		cfg.Output.Dir = alone
		v := evaluator{}
		evaluate, err := v.of(cfg, silent{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := train.Run(context.Background(), train.Options{Config: cfg, Version: "test", Reporter: silent{}, Evaluate: evaluate,
			Command: "stablelora " + strings.TrimSpace(card[1][:strings.Index(card[1], " --output")]) + " --output " + alone}); err != nil {
			t.Fatal(err)
		}
		want, got := files(t, alone), files(t, dir)
		for _, name := range []string{"adapter_model.safetensors", "items.json", "results.json", "metrics.jsonl", "stablelora.json"} {
			if want[name] == "" {
				t.Errorf("no %s", name)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-alone +sweep): %.3000s", run.Folder, d)
		}
	}
	// The base model was asked each document once: three answers after the head.
	base, err := os.ReadFile(filepath.Join(o.Dir, baseFile))
	if err != nil || bytes.Count(base, []byte("\n")) != 4 {
		t.Errorf("%s %v", base, err)
	}
	table := rows(t, o.Dir)
	if d := cmp.Diff([]string{"optimizer.name", "seed", "status", "steps", "final_loss", "held_out_loss", "hellaswag/acc/base", "hellaswag/acc/adapted",
		"hellaswag/acc_norm/base", "hellaswag/acc_norm/adapted", "seconds", "folder"}, table[0]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"stable_lora", "2", "finished", "3"}, table[4][:4]); d != "" || table[4][11] != "optimizer.name=stable_lora,seed=2" || slices.Contains(table[4], "") {
		t.Errorf("%q", table[4])
	}
}

// A sweep stopped in the middle of a run goes on there, takes further seeds, and
// ends as one never stopped; what diverged stays so.
func TestResume(t *testing.T) {
	r := &reporter{}
	whole := demoSweep(t, r)
	whole.Grid = append(whole.Grid, "train.learning_rate=1e-3,1e30")
	want := mustRun(t, whole)
	if want.Finished != 4 || want.Failed != 4 {
		t.Fatalf("%+v", want.Runs)
	}
	if run := want.Runs[2]; run.Status != Diverged || run.Steps != 1 || run.FinalLoss == nil || !strings.Contains(run.Message, "step 2: the loss is not finite") {
		t.Errorf("%+v", run)
	}

	ctx, cancel := context.WithCancelCause(context.Background())
	part := whole
	part.Dir, part.Seeds = filepath.Join(t.TempDir(), "out"), "1"
	r.steps, r.onStep = 0, func(steps int) {
		if steps == 6 { // 3 of the first, 1 of the diverging, 2 of the third
			cancel(train.SignalError{Signal: syscall.SIGTERM})
		}
	}
	_, err := Run(ctx, part)
	var stopped *InterruptedError
	if !errors.As(err, &stopped) || stopped.Done != 2 || stopped.Total != 4 || stopped.ExitCode() != 143 ||
		!strings.HasSuffix(err.Error(), "checkpoint-2; 2 of 4 runs are done, go on with --resume") {
		t.Fatal(err)
	}
	if table := rows(t, part.Dir); len(table) != 3 || table[2][3] != Diverged {
		t.Errorf("%q", table)
	}
	if _, err := Run(context.Background(), part); err == nil || !strings.Contains(err.Error(), "is not empty; go on with --resume") {
		t.Errorf("started anew: %v", err)
	}

	part.Resume, part.Seeds = true, "1,2"
	r.steps, r.onStep = 0, nil
	got := mustRun(t, part)
	if r.steps != 3+1+1+3+1+1 { // of the third run one was left
		t.Errorf("%d steps were taken", r.steps)
	}
	same := func(what string) {
		t.Helper()
		a, b := files(t, whole.Dir), files(t, part.Dir)
		for _, all := range []map[string]string{a, b} {
			delete(all, CSVFile) // seconds
			delete(all, StateFile)
		}
		if d := cmp.Diff(a, b); d != "" {
			t.Errorf("%s: %.3000s", what, d)
		}
		if d := cmp.Diff(want.Cells, got.Cells, cmp.AllowUnexported(Cell{}), cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "runs" }, cmp.Ignore())); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(want.Comparisons, got.Comparisons); d != "" {
			t.Error(d)
		}
	}
	same("resumed")
	r.steps = 0
	got = mustRun(t, part)
	if same("all done"); r.steps != 0 {
		t.Errorf("%d steps were taken of a sweep that is done", r.steps)
	}

	for _, c := range []struct {
		change func(o *Options)
		want   string
	}{
		{func(o *Options) { o.Seeds = "1" }, "also has the run optimizer.name=adamw,train.learning_rate=1e-3,seed=2"},
		{func(o *Options) { o.Sets = append(o.Sets, "lora.r=4") }, "other settings (lora.r: 8, now 4)"},
		{func(o *Options) { o.Sets = append(o.Sets, "eval.tasks.0.limit=2") }, "planned with other settings; restore them"},
		{func(o *Options) { o.Dir = filepath.Dir(o.Config) }, "holds no sweep"},
	} {
		o := part
		o.Sets = slices.Clone(part.Sets)
		c.change(&o)
		var usage *train.UsageError
		if _, err := Run(context.Background(), o); !errors.As(err, &usage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// What only the model can tell is told before the first run too.
func TestCheckedFirst(t *testing.T) {
	o := demoSweep(t, &reporter{})
	o.Grid = []string{"lora.target_modules=[q_proj],[q_prj],[vproj]"}
	_, err := Run(context.Background(), o)
	var conf *config.Error
	if !errors.As(err, &conf) || len(conf.Problems) != 2 || !strings.Contains(conf.Problems[1], `"vproj" matches no module`) {
		t.Errorf("%v", err)
	}
	o.Grid = []string{"train.max_steps=1,2", "train.warmup_steps=0,1"}
	if _, err := Run(context.Background(), o); !errors.As(err, &conf) || !strings.Contains(err.Error(), "the run has a single step") {
		t.Errorf("%v", err)
	}
	o.Grid = []string{"model.path=../demo/model,nowhere"}
	if _, err := Run(context.Background(), o); err == nil || !strings.HasPrefix(err.Error(), "run model.path=nowhere,seed=1: ") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(o.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder was made")
	}
}
