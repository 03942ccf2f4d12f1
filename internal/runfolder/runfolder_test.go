package runfolder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/safetensors"
)

const (
	stepRows = `{"step":1,"epoch":0.25,"loss":3,"learning_rate":0.001,"grad_norm":2,"tokens":10,"elapsed_seconds":0.5}
{"step":2,"epoch":0.5,"loss":2,"learning_rate":0.002,"grad_norm":1,"tokens":12,"elapsed_seconds":1}
{"step":2,"eval_loss":2.5}
{"step":2,"tasks":{"arc":{"acc,none":0.5}}}
`
	normRows = `{"step":1,"module":"layers.0.q_proj","norm_a":1.5,"norm_b":0,"shrinking":true}
{"step":1,"module":"layers.1.q_proj","norm_a":1.6,"norm_b":0,"shrinking":true}
{"step":2,"module":"layers.0.q_proj","norm_a":1.4,"norm_b":0.1,"shrinking":false,"delta1":3,"delta2":0,"delta3":1e-9}
{"step":2,"module":"layers.1.q_proj","norm_a":1.5,"norm_b":0.1,"shrinking":true,"delta1":4,"delta2":0,"delta3":1e-9}
`
	settings = "optimizer:\n  name: stable_lora\n  betas: [0.9, 0.999]\ndata:\n  train:\n    - path: a.jsonl\ntrain:\n  epochs: 2\n  max_steps: 0\n"
	summary  = `{"version":"dev","optimizer":"stable_lora","steps":2,"final_loss":2}`
	results  = `{"tasks":{"b":{"n":20,"base":{"acc,none":0.25,"acc_stderr,none":0.1,"invalid,none":0},"adapted":{"acc,none":0.5},
  "difference":{"acc,none":{"value":0.25,"stderr":"N/A","p_value":0.01}}},"a":{"n":1,"adapted":{"acc,none":"N/A","acc_norm,none":1}}}}`
)

func finished() map[string]string {
	return map[string]string{"metrics.jsonl": stepRows, "stability.jsonl": normRows, "config.resolved.yaml": settings,
		"stablelora.json": summary, "results.json": results}
}

// write makes a folder of these files.
func write(t testing.TB, dir string, files map[string]string) string {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func weights() string {
	var b strings.Builder
	err := safetensors.Write(&b, []safetensors.Tensor{
		safetensors.F32Tensor("base_model.model.layers.0.q_proj.lora_A.weight", []int{1, 3}, make([]float32, 3)),
		safetensors.F32Tensor("base_model.model.layers.0.q_proj.lora_B.weight", []int{5, 1}, make([]float32, 5)),
	}, nil)
	if err != nil {
		panic(err)
	}
	return b.String()
}

func TestRead(t *testing.T) {
	files := finished()
	files["adapter_model.safetensors"] = weights()
	r, err := Read(write(t, t.TempDir(), files))
	if err != nil {
		t.Fatal(err)
	}
	half, quarter, loss := 0.5, 0.25, 2.5
	one, p := 1.0, 0.01
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"settings", r.Settings, []Setting{{"optimizer.name", "stable_lora"}, {"optimizer.betas", "[0.9, 0.999]"}, {"data.train.0.path", "a.jsonl"},
			{"train.epochs", "2"}, {"train.max_steps", "0"}}},
		{"steps", r.Steps, Steps{Step: []float64{1, 2}, Epoch: []float64{0.25, 0.5}, Loss: []float64{3, 2}, LearningRate: []float64{0.001, 0.002},
			GradNorm: []float64{2, 1}, Elapsed: []float64{0.5, 1}, Tokens: 22}},
		{"evaluations", r.Evaluations, []Evaluation{{Step: 2, Loss: &loss}, {Step: 2, Tasks: map[string]map[string]float64{"arc": {"acc,none": 0.5}}}}},
		{"first module", r.Modules[0], &Module{Name: "layers.0.q_proj", In: 3, Out: 5, Step: []float64{1, 2}, NormA: []float64{1.5, 1.4}, NormB: []float64{0, 0.1},
			Shrinking: []bool{true, false}, DeltaStep: []float64{2}, Delta: [3][]float64{{3}, {0}, {1e-9}}}},
		{"tasks", r.Tasks, []Task{{"a", 1, []Metric{{Key: "acc_norm,none", Adapted: &one}}},
			{"b", 20, []Metric{{"acc,none", &quarter, &half, &Difference{Value: 0.25, PValue: &p}}}}}},
		{"stops", []int{r.Modules[0].StoppedAt(), r.Modules[1].StoppedAt()}, []int{2, 0}},
		{"status", r.Status(), "finished"},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}

// What a run that was stopped, or still goes on, leaves is read as far as it is.
func TestUnfinished(t *testing.T) {
	files := finished()
	delete(files, "stablelora.json")
	delete(files, "results.json")
	files["metrics.jsonl"] += `{"step":3,"lo`
	files["stability.jsonl"] += `{"step":3,"mod`
	files["checkpoint-1/adapter_model.safetensors"] = "older"
	files["checkpoint-2/adapter_model.safetensors"] = weights()
	dir := write(t, t.TempDir(), files)
	r, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Status(), "not finished, 2 of 8 steps done: still going, stopped or diverged (checkpoint-2 is there)"; got != want {
		t.Errorf("status %q, want %q", got, want)
	}
	if r.Steps.Last() != 2 || r.Modules[0].In != 3 {
		t.Errorf("%d steps, n %d", r.Steps.Last(), r.Modules[0].In)
	}
	os.WriteFile(filepath.Join(dir, "stablelora.json"), []byte(summary), 0o644)
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "metrics.jsonl:5: not a row") {
		t.Errorf("a torn line of a finished run: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	deep := strings.Repeat("[", 50) + strings.Repeat("]", 50)
	for _, c := range []struct{ file, content, want string }{
		{"metrics.jsonl", stepRows + "{}\n" + stepRows, "metrics.jsonl:5: not a row with a step; remove the line, or train again"},
		{"metrics.jsonl", stepRows + "x\n", "metrics.jsonl:5: not a row of metrics"},
		{"metrics.jsonl", stepRows + stepRows, "metrics.jsonl:5: step 1 follows step 2"},
		{"metrics.jsonl", `{"step":1.5,"learning_rate":1}`, "metrics.jsonl:1: not a row of metrics"},
		{"metrics.jsonl", `{"step":-1,"learning_rate":1}`, "metrics.jsonl:1: not a row with a step"},
		{"metrics.jsonl", `{"step":1,"learning_rate":1}`, "metrics.jsonl:1: the row of a step lacks loss or grad_norm"},
		{"metrics.jsonl", `{"step":1,"learning_rate":1e999}`, "metrics.jsonl:1: not a row of metrics"},
		{"metrics.jsonl", "\n" + strings.Repeat("x", 2*maxLine), "metrics.jsonl:2: longer than any row"},
		{"stability.jsonl", normRows + `{"step":3,"module":"m"}`, "stability.jsonl:5: the row lacks module, norm_a or norm_b"},
		{"stability.jsonl", normRows + normRows, "stability.jsonl:5: step 1 of layers.0.q_proj follows step 2"},
		{"results.json", `{"tasks":[]}`, "results.json: json"},
		{"stablelora.json", `{`, "stablelora.json: unexpected end"},
		{"config.resolved.yaml", "a: {b", "config.resolved.yaml: yaml"},
		{"config.resolved.yaml", "a: &x [1]\nb: *x", "config.resolved.yaml: has a YAML alias"},
		{"config.resolved.yaml", "a: " + deep, "config.resolved.yaml: nests too deep"},
		{"adapter_model.safetensors", "xx", "adapter_model.safetensors"},
	} {
		files := finished()
		files[c.file] = c.content
		_, err := Read(write(t, t.TempDir(), files))
		var input *fsutil.InputError
		if !errors.As(err, &input) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", c.file, err, c.want)
		}
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "grid", "one"), finished())
	write(t, filepath.Join(dir, "grid", "two"), finished())
	write(t, filepath.Join(dir, "alone"), finished())
	write(t, filepath.Join(dir, "grid"), map[string]string{"sweep.csv": "train.seed,folder\n1,one\n2,two\n3,three\n"})
	in := func(name string) string { return filepath.Join(dir, name) }
	runs, waiting, err := Open([]string{in("alone"), in("grid"), in("alone/"), in("grid/two")})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range runs {
		names = append(names, filepath.Base(r.Dir))
	}
	if diff := cmp.Diff([]string{"alone", "one", "two"}, names); diff != "" || waiting != 1 {
		t.Errorf("%d waiting; (-want +got):\n%s", waiting, diff)
	}
	write(t, dir, map[string]string{"file": "", "empty/x": "", "away/sweep.csv": "folder\nx\n../alone\n", "other/sweep.csv": "path\n",
		"idle/sweep.csv": "folder\nx\n", "ragged/sweep.csv": "a,folder\n1\n", "blank/sweep.csv": ""})
	for name, want := range map[string]string{
		"file": "file: is not a folder", "empty": "empty: holds no run: there is no metrics.jsonl in it", "absent": "absent: there is no such folder",
		"away": `sweep.csv:3: the folder "../alone" is not inside the sweep's`, "other": `has no column "folder"`, "idle": "is a sweep of which no run has begun",
		"ragged": "wrong number of fields", "blank": "holds no table",
	} {
		_, _, err := Open([]string{in(name)})
		var input *fsutil.InputError
		if !errors.As(err, &input) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", name, err, want)
		}
	}
}

// FuzzOpen: any files of a sweep and its run, whose folder is in the sweep's.
func FuzzOpen(f *testing.F) {
	f.Add("train.seed,folder\n1,one\n", stepRows, normRows, settings, results, []byte(weights()))
	f.Add("folder\n../one\n\"x", `{"step":1}`, "", "a: &a [*a]", `{"tasks":{"t":{"base":{"acc":1e999}}}}`, []byte("x"))
	f.Fuzz(func(t *testing.T, sweep, metrics, stability, config, results string, weights []byte) {
		dir := filepath.Join(t.TempDir(), "grid")
		write(t, dir, map[string]string{"sweep.csv": sweep, "one/metrics.jsonl": metrics, "one/stability.jsonl": stability,
			"one/config.resolved.yaml": config, "one/results.json": results, "one/adapter_model.safetensors": string(weights)})
		runs, _, err := Open([]string{dir})
		if input := (*fsutil.InputError)(nil); err != nil && !errors.As(err, &input) {
			t.Errorf("not an input error: %v", err)
		}
		for _, r := range runs {
			if !strings.HasPrefix(r.Dir, dir) {
				t.Errorf("%q leads to %s", sweep, r.Dir)
			}
			r.Status()
		}
	})
}
