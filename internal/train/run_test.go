package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/safetensors"
)

// demoRun is a short run on the demo: 6 steps of 4 examples, Stable-LoRA with a
// shrink large enough that some modules stop.
func demoRun(t *testing.T, change func(*config.Config)) *config.Config {
	t.Helper()
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(empty, []string{
		"model.path=../demo/model",
		"data.train=[{path: ../demo/data/hellaswag_train.jsonl, max_samples: 8}, {path: ../demo/data/gsm8k_train.jsonl, max_samples: 8}]",
		"train.max_steps=6", "train.batch_size=4", "train.micro_batch_size=3", "train.learning_rate=0.005",
		"optimizer.shrink_ratio=0.05", "lora.target_modules=all-linear", "lora.dropout=0.1", "log.every=3",
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Output.Dir = filepath.Join(t.TempDir(), "run")
	if change != nil {
		change(cfg)
	}
	return cfg
}

// reporter calls onStep after each step and keeps what was said.
type reporter struct {
	onStep func(step int)
	said   []string
}

func (r *reporter) Start(int, int) {}
func (r *reporter) Step(row metrics.StepRow) {
	if r.onStep != nil {
		r.onStep(row.Step)
	}
}
func (r *reporter) Progress(string, int, int) {}
func (r *reporter) Message(s string)          { r.said = append(r.said, s) }
func (r *reporter) Warn(s string)             { r.said = append(r.said, s) }
func (r *reporter) Finish()                   {}

func mustRun(t *testing.T, cfg *config.Config, o Options) *Result {
	t.Helper()
	o.Config = cfg
	if o.Reporter == nil {
		o.Reporter = &reporter{}
	}
	result, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// interrupt runs until a step is done and then sends a signal.
func interrupt(t *testing.T, cfg *config.Config, o Options, step int) *InterruptedError {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	o.Config = cfg
	o.Reporter = &reporter{onStep: func(s int) {
		if s == step {
			cancel(SignalError{syscall.SIGTERM})
		}
	}}
	_, err := Run(ctx, o)
	var stopped *InterruptedError
	if !errors.As(err, &stopped) {
		t.Fatalf("interrupted after step %d: %v", step, err)
	}
	return stopped
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func adapterBytes(t *testing.T, cfg *config.Config) []byte {
	t.Helper()
	return read(t, cfg.Output.Dir, "adapter_model.safetensors")
}

// The adapter's bytes depend on nothing but the configuration's meaning.
func TestSameBytes(t *testing.T) {
	reference := demoRun(t, nil)
	mustRun(t, reference, Options{})
	want := adapterBytes(t, reference)
	all := parallel.Threads()
	for _, c := range []struct {
		name    string
		threads int
		change  func(*config.Config)
	}{
		{"one thread", 1, nil},
		{"three threads", 3, nil},
		{"micro batch 1", all, func(c *config.Config) { c.Train.MicroBatchSize = 1 }},
		{"micro batch 2", all, func(c *config.Config) { c.Train.MicroBatchSize = 2 }},
		{"micro batch 4", all, func(c *config.Config) { c.Train.MicroBatchSize = 4 }},
		{"recompute", all, func(c *config.Config) { c.Train.Recompute = "always" }},
		{"checkpoints", all, func(c *config.Config) { c.Output.SaveEvery = 3 }},
	} {
		parallel.SetThreads(c.threads)
		cfg := demoRun(t, c.change)
		mustRun(t, cfg, Options{})
		if !bytes.Equal(adapterBytes(t, cfg), want) {
			t.Errorf("%s: other bytes", c.name)
		}
	}
	parallel.SetThreads(all)
	for name, change := range map[string]func(*config.Config){
		"seed":       func(c *config.Config) { c.Train.Seed = 0 },
		"batch size": func(c *config.Config) { c.Train.BatchSize = 3 },
	} {
		cfg := demoRun(t, change)
		mustRun(t, cfg, Options{})
		if bytes.Equal(adapterBytes(t, cfg), want) {
			t.Errorf("another %s gives the same bytes", name)
		}
	}
}

// Uninterrupted and resumed runs agree to the byte, and both differ from a run
// that starts cold in the middle.
func TestResume(t *testing.T) {
	whole := demoRun(t, nil)
	mustRun(t, whole, Options{})
	for _, step := range []int{1, 5} {
		cfg := demoRun(t, nil)
		stopped := interrupt(t, cfg, Options{}, step)
		if stopped.ExitCode() != 143 || filepath.Base(stopped.Checkpoint) != fmt.Sprint("checkpoint-", step) {
			t.Errorf("stopped at step %d: %+v", step, stopped)
		}
		// Rows beyond the checkpoint, as a killed run leaves them.
		appendTo(t, filepath.Join(cfg.Output.Dir, metrics.MetricsFile), `{"step":99,"loss":1}`+"\n"+`{"step":1`)
		result := mustRun(t, cfg, Options{Resume: "auto"})
		if !bytes.Equal(adapterBytes(t, cfg), adapterBytes(t, whole)) {
			t.Errorf("resumed after step %d: other bytes", step)
		}
		if got, want := strip(read(t, cfg.Output.Dir, metrics.MetricsFile)), strip(read(t, whole.Output.Dir, metrics.MetricsFile)); got != want {
			t.Errorf("resumed after step %d: metrics.jsonl\n%s\nwant\n%s", step, got, want)
		}
		if got, want := read(t, cfg.Output.Dir, metrics.StabilityFile), read(t, whole.Output.Dir, metrics.StabilityFile); !bytes.Equal(got, want) {
			t.Errorf("resumed after step %d: stability.jsonl differs", step)
		}
		if want := countTokens(whole, t); result.Tokens != want {
			t.Errorf("resumed after step %d: %d tokens, want %d", step, result.Tokens, want)
		}
	}
	cold := demoRun(t, nil)
	interrupt(t, cold, Options{}, 4)
	only := filepath.Join(cold.Output.Dir, "checkpoint-4")
	if err := os.Truncate(filepath.Join(only, "state.json"), 9); err != nil {
		t.Fatal(err)
	}
	var input *fsutil.InputError
	if _, err := Run(context.Background(), Options{Config: cold, Resume: "auto", Reporter: &reporter{}}); !errors.As(err, &input) {
		t.Errorf("with a damaged checkpoint alone: %v", err)
	}
	if err := os.Remove(filepath.Join(only, "manifest.json")); err != nil { // it was never complete
		t.Fatal(err)
	}
	mustRun(t, cold, Options{Resume: "auto"})
	if !bytes.Equal(adapterBytes(t, cold), adapterBytes(t, whole)) {
		t.Error("without a complete checkpoint the run must start afresh")
	}
	moved := demoRun(t, nil)
	mustRun(t, moved, Options{})
	from := demoRun(t, func(c *config.Config) { c.LoRA.InitFrom = moved.Output.Dir })
	mustRun(t, from, Options{})
	if bytes.Equal(adapterBytes(t, from), adapterBytes(t, whole)) {
		t.Error("a cold start from the trained weights gives the resumed run's bytes")
	}
}

// strip leaves out what measures time.
func strip(rows []byte) string {
	var out strings.Builder
	for line := range strings.Lines(string(rows)) {
		before, _, _ := strings.Cut(line, `,"tokens_per_second"`)
		out.WriteString(before + "\n")
	}
	return out.String()
}

func countTokens(cfg *config.Config, t *testing.T) int {
	n := 0
	for line := range strings.Lines(string(read(t, cfg.Output.Dir, metrics.MetricsFile))) {
		var tokens int
		_, rest, _ := strings.Cut(line, `"tokens":`)
		fmt.Sscanf(rest, "%d", &tokens)
		n += tokens
	}
	return n
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// A checkpoint goes with its configuration, data and weights.
func TestResumeRefuses(t *testing.T) {
	cfg := demoRun(t, nil)
	stopped := interrupt(t, cfg, Options{}, 3)
	var usage *UsageError
	var input *fsutil.InputError
	for want, c := range map[string]struct {
		change func(*config.Config)
		as     any
	}{
		"train.learning_rate": {func(c *config.Config) { c.Train.LearningRate = 0.004 }, &usage},
		"other data":          {func(c *config.Config) { c.Data.Train[0].Path = swapped(t, c.Data.Train[0].Path) }, &input},
	} {
		changed := *cfg
		changed.Data.Train = append([]config.DataFile{}, cfg.Data.Train...)
		c.change(&changed)
		_, err := Run(context.Background(), Options{Config: &changed, Resume: stopped.Checkpoint, Reporter: &reporter{}})
		if !errors.As(err, c.as) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := os.WriteFile(filepath.Join(stopped.Checkpoint, "state.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Run(context.Background(), Options{Config: cfg, Resume: stopped.Checkpoint, Reporter: &reporter{}})
	if err == nil || !strings.Contains(err.Error(), "state.json") {
		t.Errorf("a damaged checkpoint: %v", err)
	}
}

// swapped copies a data file with its first two records exchanged.
func swapped(t *testing.T, path string) string {
	lines := strings.SplitAfter(string(read(t, path)), "\n")
	lines[0], lines[1] = lines[1], lines[0]
	out := filepath.Join(t.TempDir(), "swapped.jsonl")
	if err := os.WriteFile(out, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	return out
}

// A diverging run stops before the update, keeps the last good state and writes
// no adapter.
func TestDivergence(t *testing.T) {
	cfg := demoRun(t, func(c *config.Config) {
		c.Train.LearningRate, c.Train.MaxGradNorm, c.Train.LRScheduler = 1e15, 0, "constant"
	})
	_, err := Run(context.Background(), Options{Config: cfg, Reporter: &reporter{}})
	var diverged *DivergedError
	if !errors.As(err, &diverged) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "is not finite") || !strings.Contains(err.Error(), "train.learning_rate below 5e+14") {
		t.Errorf("the error gives no advice: %v", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Output.Dir, "adapter_model.safetensors")); err == nil {
		t.Error("an adapter was written")
	}
	if filepath.Base(diverged.Checkpoint) != fmt.Sprint("checkpoint-", diverged.Step-1) {
		t.Errorf("step %d failed, the last good state is %q", diverged.Step, diverged.Checkpoint)
	}
}

// Whatever it is that is not finite, the run ends before that reaches a file.
func TestNotFinite(t *testing.T) {
	for want, change := range map[string]func(*config.Config){
		"step 1: the gradient is not finite": func(c *config.Config) { c.LoRA.InitFrom = steep(t) },
		// B's gradient is finite and its square is not: Adam would never move again.
		"step 1: the optimizer's model.layers.0.self_attn.q_proj.B.exp_avg_sq after the update is not finite": func(c *config.Config) {
			c.LoRA.Alpha = 1e25
		},
		"step 1: the A or B of model.layers.0.self_attn.q_proj after the update is not finite": func(c *config.Config) {
			c.Train.LearningRate = 1e39
		},
		"step 2: the loss after the update is not finite; the last good state is": func(c *config.Config) {
			c.Train.LearningRate, c.Train.WarmupSteps, c.Train.MaxSteps, c.Output.SaveEvery = 1e25, 1, 2, 1
		},
		"step 2: the held-out loss is not finite; the last good state is": func(c *config.Config) {
			c.Train.LearningRate, c.Train.WarmupSteps, c.Data.Eval, c.Eval.EverySteps = 1e25, 1, c.Data.Train[:1], 2
			c.Output.SaveEvery = 1
		},
	} {
		cfg := demoRun(t, func(c *config.Config) {
			c.LoRA.TargetModules = config.Targets{Names: []string{"q_proj"}}
			c.Train.MaxGradNorm, c.Train.LRScheduler, c.Optimizer.Name = 0, "constant", "adamw"
			change(c)
		})
		_, err := Run(context.Background(), Options{Config: cfg, Reporter: &reporter{}})
		var diverged *DivergedError
		if !errors.As(err, &diverged) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
			continue
		}
		for _, path := range glob(t, cfg.Output.Dir, "adapter_model.safetensors", "*/*.safetensors") {
			f, err := safetensors.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range f.Tensors() {
				if i := x.FirstNonFinite(); i >= 0 {
					t.Errorf("%s: %s holds %s[%d] that is not finite", want, path, x.Name, i)
				}
			}
			f.Close()
		}
	}
}

// steep is an adapter that changes nothing, with A = 0, and whose B makes the
// gradient of A overflow.
func steep(t *testing.T) string {
	cfg := demoRun(t, func(c *config.Config) { c.Train.MaxSteps = 1 })
	mustRun(t, cfg, Options{})
	path := filepath.Join(cfg.Output.Dir, "adapter_model.safetensors")
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var tensors []safetensors.Tensor
	for _, x := range f.Tensors() {
		values := make([]float32, x.Elements())
		if strings.Contains(x.Name, "lora_B") {
			for i := range values {
				values[i] = 3e38
			}
		}
		tensors = append(tensors, safetensors.F32Tensor(x.Name, x.Shape, values))
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"adapter_model.safetensors": b.Bytes(), "adapter_config.json": read(t, cfg.Output.Dir, "adapter_config.json")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Weights that vanish from under a run end it with a checkpoint, from which it
// goes on once they are back.
func TestWeightsCutOff(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be cut off there")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../demo/model")); err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(dir, "model.safetensors")
	data := read(t, weights)
	all := parallel.Threads()
	defer parallel.SetThreads(all)
	for _, threads := range []int{1, 2} {
		parallel.SetThreads(threads)
		onCopy := func(c *config.Config) { c.Model.Path = dir }
		whole := demoRun(t, onCopy)
		mustRun(t, whole, Options{})
		cfg := demoRun(t, onCopy)
		_, err := Run(context.Background(), Options{Config: cfg, Reporter: &reporter{onStep: func(step int) {
			if step == 2 {
				if err := os.Truncate(weights, int64(len(data)/2)); err != nil {
					t.Error(err)
				}
			}
		}}})
		var input *fsutil.InputError
		if !errors.As(err, &input) || input.Path != weights || !strings.Contains(err.Error(), "can no longer be read") || !strings.Contains(err.Error(), "checkpoint-2, restore the file") {
			t.Fatalf("%d threads: %v", threads, err)
		}
		if err := os.WriteFile(weights, data, 0o644); err != nil {
			t.Fatal(err)
		}
		mustRun(t, cfg, Options{Resume: "auto"})
		if !bytes.Equal(adapterBytes(t, cfg), adapterBytes(t, whole)) {
			t.Errorf("%d threads: resumed, the adapter has other bytes", threads)
		}
	}
}

func glob(t *testing.T, dir string, patterns ...string) (all []string) {
	t.Helper()
	for _, p := range patterns {
		paths, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, paths...)
	}
	return all
}

// A file that does not hold what was trained does not pass for the adapter, and
// the run goes on from its last state to one that does.
func TestReadBack(t *testing.T) {
	whole := demoRun(t, nil)
	mustRun(t, whole, Options{})
	for name, spoil := range map[string]struct {
		file string
		do   func([]byte)
		want string
	}{
		"a factor that is another": {"adapter_model.safetensors", func(b []byte) { b[len(b)-2] ^= 0x10 }, "read back, its losses"},
		"another scale":            {"adapter_config.json", func(b []byte) { copy(b[bytes.Index(b, []byte(`"lora_alpha": `))+14:], "7") }, "read back, its losses"},
		"a factor of NaN":          {"adapter_model.safetensors", func(b []byte) { copy(b[len(b)-4:], "\xff\xff\xff\xff") }, "NaN or infinity"},
	} {
		cfg := demoRun(t, nil)
		end := fsutil.InjectFaults(func(c fsutil.Change) error {
			if c.Op == fsutil.OpRename && c.To == filepath.Join(cfg.Output.Dir, spoil.file) {
				data := read(t, c.Path)
				spoil.do(data)
				return os.WriteFile(c.Path, data, 0o644)
			}
			return nil
		})
		_, err := Run(context.Background(), Options{Config: cfg, Reporter: &reporter{}})
		end()
		if err == nil || !strings.Contains(err.Error(), spoil.want) || !strings.Contains(err.Error(), "does not hold what was trained") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(glob(t, cfg.Output.Dir, "adapter_model.safetensors")) > 0 {
			t.Errorf("%s: it kept its name", name)
		}
		mustRun(t, cfg, Options{Resume: "auto"})
		if !bytes.Equal(adapterBytes(t, cfg), adapterBytes(t, whole)) {
			t.Errorf("%s: resumed, the adapter has other bytes", name)
		}
	}
}

func TestFolderInUse(t *testing.T) {
	cfg := demoRun(t, func(c *config.Config) { c.Train.MaxSteps = 1 })
	mustRun(t, cfg, Options{})
	note := filepath.Join(cfg.Output.Dir, "note.txt")
	if err := os.WriteFile(note, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Run(context.Background(), Options{Config: cfg, Reporter: &reporter{}})
	var usage *UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "--overwrite") {
		t.Errorf("a folder in use: %v", err)
	}
	mustRun(t, cfg, Options{Overwrite: true})
	if n := len(strings.Split(strings.TrimSpace(string(read(t, cfg.Output.Dir, metrics.MetricsFile))), "\n")); n != 1 {
		t.Errorf("metrics.jsonl has %d rows after an overwritten run of one step", n)
	}
	read(t, note) // what is not the run's stays
	before := adapterBytes(t, cfg)
	r := &reporter{}
	if result := mustRun(t, cfg, Options{Resume: "auto", Reporter: r}); result.Steps != 1 || !strings.Contains(strings.Join(r.said, "\n"), "nothing to do") {
		t.Errorf("a finished run resumed: %+v, said %q", result, r.said)
	}
	if !bytes.Equal(before, adapterBytes(t, cfg)) {
		t.Error("the finished adapter has changed")
	}
	cfg.Train.Seed++
	if _, err := Run(context.Background(), Options{Config: cfg, Resume: "auto", Reporter: &reporter{}}); !errors.As(err, &usage) {
		t.Errorf("a finished run of another configuration: %v", err)
	}
}

// answers is an evaluation of one document.
func answers(value float64) []metrics.TaskItems {
	return []metrics.TaskItems{{Task: "task", Metrics: []metrics.MetricItems{{Key: "acc,none", Adapted: []float64{value}}}}}
}

// An evaluation cut short by a signal is repeated when the run goes on; no row is
// lost or doubled.
func TestEvaluationRows(t *testing.T) {
	every := func(c *config.Config) { c.Eval.EverySteps = 2 }
	rows := func(cfg *config.Config) string { return strip(read(t, cfg.Output.Dir, metrics.MetricsFile)) }
	calls := 0
	evaluate := func(ctx context.Context, _ *Subject, final bool) ([]metrics.TaskItems, error) {
		calls++
		return answers(float64(calls)), ctx.Err()
	}
	whole := demoRun(t, every)
	mustRun(t, whole, Options{Evaluate: evaluate})
	if left, _ := filepath.Glob(filepath.Join(whole.Output.Dir, "checkpoint-*")); len(left) != 0 {
		t.Errorf("the checkpoint that stood by for the final evaluation is left: %v", left)
	}
	if want := 3; calls != want || strings.Count(rows(whole), `"tasks"`) != want {
		t.Errorf("%d evaluations, rows\n%s", calls, rows(whole))
	}
	cut := demoRun(t, every)
	ctx, cancel := context.WithCancelCause(context.Background())
	calls = 0
	_, err := Run(ctx, Options{Config: cut, Reporter: &reporter{}, Evaluate: func(ctx context.Context, s *Subject, final bool) ([]metrics.TaskItems, error) {
		if calls++; calls == 2 {
			cancel(SignalError{syscall.SIGINT})
		}
		return answers(float64(calls)), ctx.Err()
	}})
	var stopped *InterruptedError
	if !errors.As(err, &stopped) || filepath.Base(stopped.Checkpoint) != "checkpoint-4" {
		t.Fatalf("interrupted in the evaluation after step 4: %v", err)
	}
	calls = 2
	lost := errors.New("lost") // as good as a kill in the final evaluation
	_, err = Run(context.Background(), Options{Config: cut, Resume: "auto", Reporter: &reporter{}, Evaluate: func(ctx context.Context, s *Subject, final bool) ([]metrics.TaskItems, error) {
		if final {
			return nil, lost
		}
		return answers(2), nil
	}})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	mustRun(t, cut, Options{Resume: "auto", Evaluate: evaluate})
	if rows(cut) != rows(whole) {
		t.Errorf("rows\n%s\nwant\n%s", rows(cut), rows(whole))
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	cfg := demoRun(t, nil)
	p, err := DryRun(cfg, &reporter{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Records != 16 || p.Steps != 6 || p.TrainableParameters == 0 || !strings.Contains(p.Example, "«") {
		t.Errorf("%+v", p)
	}
	if _, err := os.Stat(cfg.Output.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("the run's folder was made")
	}
}
