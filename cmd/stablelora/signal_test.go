//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// process is the program running in a folder that holds the demo and run.yaml.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command("stablelora", args...)} // TestMain put it into PATH
	p.cmd.Dir, p.cmd.Stderr = dir, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

// ends waits for the end and checks how it came: an exit code, or -1 for a kill.
func (p *process) ends(code int) {
	p.t.Helper()
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("%v: exit code %d, want %d; it said:\n%s", p.cmd.Args, got, code, &p.stderr)
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// when polls until a condition holds.
func when(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("30 s without %s", what)
		}
	}
}

// whenSteps waits until a run in dir has recorded n steps.
func whenSteps(t *testing.T, dir string, n int) {
	t.Helper()
	when(t, "steps", func() bool { return len(losses(t, dir)) >= n })
}

// losses are the losses of the steps recorded in dir, whole rows only.
func losses(t *testing.T, dir string) []float64 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	var all []float64
	for line := range bytes.Lines(data) {
		row := struct {
			Step int
			Loss *float64
		}{}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		if row.Loss != nil {
			if all = append(all, *row.Loss); row.Step != len(all) {
				t.Fatalf("row %d is of step %d", len(all), row.Step)
			}
		}
	}
	return all
}

// workshop makes a folder with the demo and a configuration of some seconds.
func workshop(t *testing.T) string {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	start(t, dir, "init", "--demo", "demo", "--quiet").ends(0)
	text := strings.NewReplacer("max_steps: 4", "max_steps: 12", "max_samples: 16", "max_samples: 40").Replace(runConfig)
	if err := os.WriteFile(filepath.Join(dir, "run.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

var elapsed = regexp.MustCompile(`"elapsed_seconds": [0-9.e-]+`)

// sameRun compares two finished runs in all but their times.
func sameRun(t *testing.T, a, b string) {
	t.Helper()
	for _, name := range []string{"adapter_model.safetensors", "stability.jsonl", "stablelora.json"} {
		x, errX := os.ReadFile(filepath.Join(a, name))
		y, errY := os.ReadFile(filepath.Join(b, name))
		if errX != nil || errY != nil || !bytes.Equal(elapsed.ReplaceAll(x, nil), elapsed.ReplaceAll(y, nil)) {
			t.Errorf("%s differs (%v, %v)", name, errX, errY)
		}
	}
	if diff := cmp.Diff(losses(t, a), losses(t, b)); diff != "" {
		t.Errorf("losses differ:\n%s", diff)
	}
}

// A run that is interrupted, resumed, terminated and resumed again is the run
// that was left alone, and each time says where it was saved. The clock may jump
// in between: to its files it is 1970 and then 2100.
func TestInterruptedAndResumed(t *testing.T) {
	dir := workshop(t)
	start(t, dir, "train", "--config", "run.yaml", "--output", "whole").ends(0)
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		signal os.Signal
		code   int
		after  int // steps
		year   int
	}{{syscall.SIGINT, 130, 2, 1970}, {syscall.SIGTERM, 143, 5, 2100}} {
		p := start(t, dir, "train", "--config", "run.yaml", "--resume", "auto", "--json")
		whenSteps(t, out, c.after)
		p.signal(c.signal)
		p.ends(c.code)
		saved := regexp.MustCompile(`saved (out/checkpoint-\d+), go on with --resume auto\n`).FindStringSubmatch(p.stderr.String())
		if saved == nil {
			t.Fatalf("%v: it does not say where it was saved:\n%s", c.signal, &p.stderr)
		}
		if _, err := os.Stat(filepath.Join(out, "adapter_model.safetensors")); err == nil {
			t.Error("an unfinished run has an adapter")
		}
		start(t, dir, "inspect", saved[1]).ends(0)
		setTimes(t, out, time.Date(c.year, 2, 1, 0, 0, 0, 0, time.UTC))
	}
	// The rest with other threads and another packing.
	p := start(t, dir, "train", "--config", "run.yaml", "--resume", "auto", "--threads", "1", "--set", "train.micro_batch_size=1")
	p.ends(0)
	if !strings.Contains(p.stderr.String(), "resuming from out/checkpoint-") {
		t.Errorf("it does not say that it resumes:\n%s", &p.stderr)
	}
	sameRun(t, filepath.Join(dir, "whole"), out)
}

// setTimes gives every file below dir a time.
func setTimes(t *testing.T, dir string, to time.Time) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, to, to))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// kills is how many processes a test kills: few, or as STABLELORA_KILLS says.
func kills(few int) int {
	if n, err := strconv.Atoi(os.Getenv("STABLELORA_KILLS")); err == nil {
		return n
	}
	return few
}

// Kills at random moments, in writing a checkpoint too, cost at most a step and
// leave nothing that is half a file. A run that came to its end is compared with
// one left alone, and another begun.
func TestKilledAtRandom(t *testing.T) {
	dir := workshop(t)
	start(t, dir, "train", "--config", "run.yaml", "--output", "whole").ends(0)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	out := filepath.Join(dir, "out")
	args := []string{"train", "--config", "run.yaml", "--resume", "auto", "--set", "output.save_every=1"}
	end := func() {
		start(t, dir, args...).ends(0)
		sameRun(t, filepath.Join(dir, "whole"), out)
		mustHold(t, out, "README.md", "adapter_config.json", "adapter_model.safetensors", "checkpoint-11", "checkpoint-12",
			"config.resolved.yaml", "metrics.jsonl", "report.html", "stability.jsonl", "stablelora.json")
	}
	runs, killed := 1, 0
	for killed < kills(6) {
		before := len(losses(t, out))
		if before >= 11 {
			end()
			if err := os.RemoveAll(out); err != nil {
				t.Fatal(err)
			}
			runs, before = runs+1, 0
		}
		p := start(t, dir, args...)
		whenSteps(t, out, before+1) // a killed run has at least begun
		time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond)
		p.signal(syscall.SIGKILL)
		if p.cmd.Wait(); p.cmd.ProcessState.ExitCode() < 0 { // else it had come to its end
			killed++
		}
		paths, err := filepath.Glob(filepath.Join(out, "checkpoint-*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			start(t, dir, "inspect", path).ends(0)
		}
	}
	end()
	t.Logf("%d kills in %d runs", killed, runs)
}

// mustHold checks the names in a folder.
func mustHold(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("%s holds %q, want %q", dir, names, want)
	}
}

// A run whose reader and terminal go away says nothing more and trains on, or
// saves at the hang-up; one that was suspended goes on; and meanwhile nobody else
// may use its folder.
func TestTerminalGoesAway(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("hang-ups are ignored here (nohup), by the program too")
	}
	dir := workshop(t)
	start(t, dir, "train", "--config", "run.yaml", "--output", "whole").ends(0)
	out := filepath.Join(dir, "out")
	args := []string{"train", "--config", "run.yaml", "--resume", "auto", "--set", "log.every=2"}

	p := &process{t: t, cmd: exec.Command("stablelora", args...)}
	p.cmd.Dir = dir
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = write
	read.Close() // every line it prints is a broken pipe
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	write.Close()
	whenSteps(t, out, 4)
	p.signal(syscall.SIGSTOP)
	second := start(t, dir, args...)
	second.ends(2)
	if !strings.Contains(second.stderr.String(), "out is in use: another process is at work in it") {
		t.Errorf("of a folder in use it says:\n%s", &second.stderr)
	}
	p.signal(syscall.SIGHUP) // which it gets when it goes on
	p.signal(syscall.SIGCONT)
	p.ends(129)
	start(t, dir, args...).ends(0)
	sameRun(t, filepath.Join(dir, "whole"), out)
}

// A signal in the evaluation at the end loses no training.
func TestInterruptedInEvaluation(t *testing.T) {
	dir := workshop(t)
	out := filepath.Join(dir, "out")
	args := []string{"train", "--config", "run.yaml", "--resume", "auto", "--set", "train.max_steps=2", "--set",
		"eval.tasks=[{name: hellaswag, path: demo/data/hellaswag_test.jsonl, limit: 50}]"}
	p := start(t, dir, args...)
	when(t, "an adapter", func() bool { _, err := os.Stat(filepath.Join(out, "README.md")); return err == nil })
	p.signal(syscall.SIGTERM)
	p.ends(143)
	if _, err := os.Stat(filepath.Join(out, "results.json")); err == nil {
		t.Error("there are results of an evaluation that was stopped")
	}
	p = start(t, dir, args...)
	p.ends(0)
	if !strings.Contains(p.stderr.String(), "2 of 2 steps done") {
		t.Errorf("the steps were taken again:\n%s", &p.stderr)
	}
	if _, err := os.Stat(filepath.Join(out, "results.json")); err != nil {
		t.Error(err)
	}

	// A run that is finished is left as it is.
	p = start(t, dir, args...)
	p.ends(0)
	if !strings.Contains(p.stderr.String(), "nothing to do") {
		t.Errorf("a finished run went on:\n%s", &p.stderr)
	}
}

// An evaluation that is stopped keeps its answers, and goes on to the results of
// one never stopped.
func TestEvalInterrupted(t *testing.T) {
	dir := workshop(t)
	scores := filepath.Join(dir, "scores")
	p := start(t, dir, "eval", "--model", "demo/model", "--tasks", "hellaswag", "--data", "hellaswag=demo/data/hellaswag_test.jsonl", "--output", "scores")
	kept := filepath.Join(scores, progressFile)
	size := func() int64 {
		info, err := os.Stat(kept)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	when(t, "some answers", func() bool { return size() > 2000 })
	p.signal(syscall.SIGINT)
	p.ends(130)
	if !strings.Contains(p.stderr.String(), "go on with --resume") {
		t.Errorf("it says:\n%s", &p.stderr)
	}
	if _, err := os.Stat(filepath.Join(scores, "results.json")); err == nil {
		t.Error("there are results of an evaluation that was stopped")
	}
	if size() < 2000 {
		t.Error("the answers are not kept")
	}
	args := []string{"eval", "--model", "demo/model", "--tasks", "hellaswag", "--data", "hellaswag=demo/data/hellaswag_test.jsonl", "--log-samples"}
	p = start(t, dir, append(args, "--output", "scores", "--resume", "--limit", "7")...)
	p.ends(2) // other settings
	p = start(t, dir, append(args, "--output", "scores")...)
	p.ends(2) // the answers would be lost
	if !strings.Contains(p.stderr.String(), progressFile+" holds the answers of an evaluation that was stopped; go on with --resume, or remove the file") {
		t.Errorf("it says:\n%s", &p.stderr)
	}
	p = start(t, dir, append(args, "--output", "scores", "--resume")...)
	p.ends(0)
	if size() != 0 {
		t.Error("the answers are still kept beside the results")
	}
	p = start(t, dir, append(args, "--output", "whole")...)
	p.ends(0)
	got, err := os.ReadFile(filepath.Join(scores, "samples_hellaswag.jsonl"))
	want, err2 := os.ReadFile(filepath.Join(dir, "whole", "samples_hellaswag.jsonl"))
	if err != nil || err2 != nil || !bytes.Equal(got, want) {
		t.Error("a resumed evaluation has other samples than one never stopped")
	}
}

// A model whose file is cut off under an evaluation is told of, and the answers so
// far are kept.
func TestModelCutOff(t *testing.T) {
	dir := workshop(t)
	args := []string{"eval", "--model", "demo/model", "--tasks", "hellaswag", "--data", "hellaswag=demo/data/hellaswag_test.jsonl", "--output", "scores", "--resume"}
	weights := filepath.Join(dir, "demo/model/model.safetensors")
	data, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, args...)
	kept := filepath.Join(dir, "scores", progressFile)
	when(t, "some answers", func() bool {
		info, err := os.Stat(kept)
		return err == nil && info.Size() > 500
	})
	if err := os.Truncate(weights, 4096); err != nil {
		t.Fatal(err)
	}
	p.ends(3)
	if !strings.Contains(p.stderr.String(), "stablelora: demo/model/model.safetensors: the file can no longer be read") || strings.Contains(p.stderr.String(), "goroutine ") {
		t.Errorf("it says:\n%s", &p.stderr)
	}
	if err := os.WriteFile(weights, data, 0o644); err != nil {
		t.Fatal(err)
	}
	start(t, dir, args...).ends(0)
}

// The second signal ends the program without waiting for the step, here one of
// many seconds.
func TestSecondSignal(t *testing.T) {
	dir := workshop(t)
	p := start(t, dir, "train", "--config", "run.yaml", "--set", "train.batch_size=700", "--set", "data.train.0.max_samples=700")
	when(t, "the run's folder", func() bool {
		_, err := os.Stat(filepath.Join(dir, "out", "metrics.jsonl"))
		return err == nil
	})
	time.Sleep(300 * time.Millisecond) // into the step, which comes at once
	p.signal(syscall.SIGINT)
	time.Sleep(50 * time.Millisecond) // or the two become one
	p.signal(syscall.SIGINT)
	p.ends(130)
	if strings.Contains(p.stderr.String(), "stablelora: ") { // the message of an orderly end
		t.Errorf("it waited:\n%s", &p.stderr)
	}
}

// clock is what differs between two evaluations of the same.
var clock = regexp.MustCompile(`"(date|total_evaluation_time_seconds)": [^\n]*`)

// Kills at random moments, choices and generations, cost no more than the answers
// under way: a line that is torn is asked again, and the results are those of an
// evaluation left alone.
func TestEvalKilledAtRandom(t *testing.T) {
	dir := workshop(t)
	args := []string{"eval", "--model", "demo/model", "--tasks", "hellaswag,gsm8k", "--data", "hellaswag=demo/data/hellaswag_test.jsonl",
		"--data", "gsm8k=demo/data/gsm8k_test.jsonl", "--num-fewshot", "0", "--limit", "200", "--max-gen-toks", "16", "--log-samples", "--resume", "--output"}
	start(t, dir, append(args, "whole")...).ends(0)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kept := filepath.Join(dir, "out", progressFile)
	for range kills(4) {
		before, _ := os.ReadFile(kept)
		p := start(t, dir, append(args, "out")...)
		if random.IntN(4) > 0 { // else while it opens
			when(t, "answers", func() bool {
				now, err := os.ReadFile(kept)
				return len(now) > max(len(before), 100) || len(before) > 0 && err != nil // the head has 97; or the end
			})
		}
		time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
		p.cmd.Process.Kill() // it may have come to its end
		p.cmd.Wait()
		after, err := os.ReadFile(kept)
		if err != nil { // before the first answer, or behind the last
			continue
		}
		if whole := before[:bytes.LastIndexByte(before, '\n')+1]; !bytes.HasPrefix(after, whole) {
			t.Fatalf("%d bytes of answers became %d others", len(whole), len(after))
		}
		t.Logf("killed at %d bytes", len(after))
		if random.IntN(2) == 0 && len(after) > 0 { // within a line
			if err := os.Truncate(kept, int64(len(after)-1-random.IntN(min(20, len(after))))); err != nil {
				t.Fatal(err)
			}
		}
	}
	start(t, dir, append(args, "out")...).ends(0)
	for _, name := range []string{"results.json", "samples_hellaswag.jsonl", "samples_gsm8k.jsonl"} {
		a, b := read(t, dir, "whole", name), read(t, dir, "out", name)
		if clock.ReplaceAllString(a, "") != clock.ReplaceAllString(b, "") {
			t.Errorf("%s differs from that of an evaluation never killed", name)
		}
	}
	mustHold(t, filepath.Join(dir, "out"), "results.json", "samples_gsm8k.jsonl", "samples_hellaswag.jsonl")
}
