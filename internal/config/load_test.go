package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// least is the smallest configuration that loads.
const least = "model: {path: m}\ndata: {train: [{path: d.jsonl}]}\n"

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string, sets ...string) *Config {
	t.Helper()
	c, err := Load(write(t, text), sets)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoadMergesLayers(t *testing.T) {
	path := write(t, `
model: {path: ../m}
lora:
  r: 0x10
  alpha: 8
  target_modules: all-linear
  exclude_modules: [lm_head]
  layers: [0, 2]
optimizer: {betas: [0.8, 0.99], eps: 1e-6, stop_condition: false}
data:
  train:
    - {path: a.jsonl, columns: {prompt: Question, completion: "ANSWER.Text"}}
    - {path: /b.jsonl, weight: 2, max_samples: 1e2, format: gsm8k}
train: {seed: 9223372036854775807, micro_batch_size: 99, learning_rate: 1}
eval:
  tasks: [{name: gsm8k, path: t.jsonl, num_fewshot: 0, limit: 0.5}, {name: boolq, path: t.jsonl}]
output: {dir: 2026-01-02}
log:
`)
	got, err := Load(path, []string{
		"lora.r=4", "train.learning_rate=3e-4", "optimizer.shrink_ratio=0", "data.train.1.weight=0.5",
		"eval.tasks.1.num_fewshot=3", "lora.layers=null", "optimizer.eps=null",
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	zero, three := 0, 3
	want := Default()
	want.Model.Path = filepath.Join(filepath.Dir(dir), "m")
	want.LoRA.R, want.LoRA.Alpha = 4, 8
	want.LoRA.TargetModules = Targets{Pattern: AllLinear}
	want.LoRA.ExcludeModules = Targets{Names: []string{"lm_head"}}
	want.Optimizer.Betas = [2]float64{0.8, 0.99}
	want.Optimizer.StopCondition = false
	want.Optimizer.ShrinkRatio = 0
	want.Data.Train = []DataFile{
		{filepath.Join(dir, "a.jsonl"), "auto", 1, 0, map[string]string{"prompt": "Question", "completion": "ANSWER.Text"}},
		{"/b.jsonl", "gsm8k", 0.5, 100, map[string]string{}},
	}
	want.Train.Seed, want.Train.MicroBatchSize, want.Train.LearningRate = 1<<63-1, 16, 3e-4
	want.Eval.Tasks = []EvalTask{
		{Name: "gsm8k", Path: filepath.Join(dir, "t.jsonl"), NumFewshot: &zero, Limit: 0.5},
		{Name: "boolq", Path: filepath.Join(dir, "t.jsonl"), NumFewshot: &three},
	}
	want.Output.Dir = "2026-01-02"
	if d := cmp.Diff(want, *got); d != "" {
		t.Error(d)
	}
}

func TestLoadFromFlagsAlone(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, sets := range [][]string{
		{"model.path=m", "data.train=[{path: d}]"},
		{"model.path=m", "data.train.0.path=d"},
		{"model={path: m}", "data.train.0={path: e}", "data.train.0.path=d"},
	} {
		c := load(t, "", sets...)
		want := Default()
		want.Model.Path, want.Data.Train[0].Path = filepath.Join(here, "m"), filepath.Join(here, "d")
		if d := cmp.Diff(want, *c); d != "" {
			t.Errorf("%q: %s", sets, d)
		}
	}
}

func TestExclusiveKeys(t *testing.T) {
	for _, tc := range []struct {
		file          string
		sets          []string
		epochs, steps int
		warmSteps     int
		ratio         float64
	}{
		{"", nil, 1, 0, 0, 0},
		{"train: {max_steps: 9}", nil, 0, 9, 0, 0},
		{"train: {max_steps: 9, epochs: 0}", nil, 0, 9, 0, 0},
		{"train: {max_steps: 0, epochs: 3}", nil, 3, 0, 0, 0},
		{"train: {epochs: 3}", []string{"train.max_steps=5"}, 0, 5, 0, 0},
		{"train: {max_steps: 9}", []string{"train.epochs=2"}, 2, 0, 0, 0},
		{"train: {warmup_ratio: 0.1}", []string{"train.warmup_steps=7"}, 1, 0, 7, 0},
		{"train: {warmup_steps: 7}", []string{"train.warmup_ratio=0.1"}, 1, 0, 0, 0.1},
	} {
		got := load(t, least+tc.file, tc.sets...).Train
		if got.Epochs != tc.epochs || got.MaxSteps != tc.steps || got.WarmupSteps != tc.warmSteps || got.WarmupRatio != tc.ratio {
			t.Errorf("%s %q: got %d epochs, %d steps, warm-up %d, %v",
				tc.file, tc.sets, got.Epochs, got.MaxSteps, got.WarmupSteps, got.WarmupRatio)
		}
	}
}

func TestEpsOfTheOptimizer(t *testing.T) {
	for _, tc := range []struct {
		file string
		sets []string
		want float64
	}{
		{"", nil, 1e-8},
		{"optimizer: {name: lora_rite}", nil, 1e-6},
		{"optimizer: {name: lora_rite, eps: null}", nil, 1e-6},
		{"optimizer: {name: lora_rite, eps: 1e-8}", nil, 1e-8},
		{"optimizer: {eps: 1e-3}", []string{"optimizer.name=lora_rite"}, 1e-3},
		{"", []string{"optimizer.name=lora_rite"}, 1e-6},
		{"optimizer: {name: lora_rite}", []string{"optimizer.name=riemann"}, 1e-8},
	} {
		if got := load(t, least+tc.file, tc.sets...).Optimizer.Eps; got != tc.want {
			t.Errorf("%s %q: eps is %v, want %v", tc.file, tc.sets, got, tc.want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		sets       []string
		want       string // all lines; @ stands for the file
	}{
		{"unknown key", least + "optimizer:\n  shrink_ration: 0.1\n", nil,
			"@:4: optimizer.shrink_ration: unknown key; did you mean optimizer.shrink_ratio?"},
		{"key of another section", least + "lora: {learning_rate: 1}\n", nil,
			"@:3: lora.learning_rate: unknown key; did you mean train.learning_rate?"},
		{"key of a list item", "model: {path: m}\ndata:\n  train:\n  - path: d\n    wieght: 2\n", nil,
			"@:5: data.train.0.wieght: unknown key; did you mean data.train.weight?"},
		{"upper case", least + "LoRA: {}\n", nil, "@:3: LoRA: unknown key; did you mean lora?"},
		{"another tool's name", least + "rank: 8", nil, "@:3: rank: unknown key; did you mean lora.r?"},
		{"all at once, by line", "lora:\n  r: 3.9\n  alpha: x\n  r: 4\nmodel: {path: m, compute: fp16}\ntrain: {epochs: yes}\n", []string{"log.every=0", "lora=1", "x"},
			"@: data.train.0.path: must name a file of records\n" +
				"@:5: model.compute: must be one of fp32, bf16, not \"fp16\"\n" +
				"@:6: train.epochs: must be a whole number, not the text \"yes\"\n" +
				"--set log.every=0: must be at least 1, not 0\n" +
				"--set lora=1: must be a section with the keys r, alpha, dropout, target_modules, exclude_modules, layers, use_rslora, init, init_from, not 1\n" +
				"--set x: write it as key=value, for example --set lora.r=16"},
		{"fraction for an integer", least + "lora: {r: 3.9}", nil, "@:3: lora.r: must be a whole number, not 3.9"},
		{"text for a number", least + "lora: {alpha: 1,5}", nil, "@:3: lora.5: unknown key; did you mean lora.r?"},
		{"quoted number", least + "lora: {alpha: '16'}", nil, "@:3: lora.alpha: must be a number, not the text \"16\""},
		{"number for a boolean", least + "data: 1\ntrain: {shuffle: 1}", nil,
			"@:3: data: given twice, first on line 2; remove one\n@:4: train.shuffle: unknown key; did you mean data.shuffle?"},
		{"boolean", least + "eval: {base: 1}", nil, "@:3: eval.base: must be true or false, not 1"},
		{"number for a text", least + "output: {dir: 12}", nil, "@:3: output.dir: must be a text, not 12; put it in quotes if it is meant as one"},
		{"duplicate", least + "lora:\n  r: 1\n  r: 2\n", nil, "@:5: lora.r: given twice, first on line 4; remove one"},
		{"nan", least + "train: {learning_rate: .nan}", nil, "@:3: train.learning_rate: must be a finite number, not .nan"},
		{"inf", least + "lora: {alpha: -.inf}", nil, "@:3: lora.alpha: must be a finite number, not -.inf"},
		{"too large", least + "train: {batch_size: 99999999999999999999, seed: 1e19}", nil,
			"@:3: train.batch_size: 99999999999999999999 is too large\n@:3: train.seed: 1e19 is too large"},
		{"negative seed", least + "train: {seed: -1}", nil, "@:3: train.seed: must be at least 0, not -1"},
		{"list length", least + "optimizer: {betas: [0.9]}", nil, "@:3: optimizer.betas: must be a list of 2, not of 1"},
		{"list item", least + "optimizer: {betas: [0.9, 1]}\nlora: {layers: [0, -1]}", nil,
			"@:3: optimizer.betas.1: must be at least 0 and below 1, not 1\n@:4: lora.layers.1: must be at least 0, not -1"},
		{"empty list item", least + "eval: {tasks: [null]}", nil, "@:3: eval.tasks.0: is empty; remove it or give it a value"},
		{"regular expression", least + "lora: {target_modules: 'q_(proj'}", nil,
			"@:3: lora.target_modules: must be a list of module names, a regular expression or all-linear: error parsing regexp: missing closing ): `q_(proj`"},
		{"no target", least + "lora: {target_modules: []}", nil, "@:3: lora.target_modules: must name at least one module"},
		{"target type", least + "lora: {target_modules: [q, 1]}", nil,
			"@:3: lora.target_modules.1: must be a text, not 1; put it in quotes if it is meant as one"},
		{"both lengths", least + "train: {epochs: 1, max_steps: 5}", nil,
			"@:3: train.max_steps: give epochs or max_steps, not both; set one of them to 0"},
		{"no length", least + "train: {epochs: 0}", nil, "@:3: train.epochs: epochs or max_steps must be above 0"},
		{"both warm-ups", least, []string{"train.warmup_steps=1", "train.warmup_ratio=0.1"},
			"--set train.warmup_ratio=0.1: give warmup_steps or warmup_ratio, not both; set one of them to 0"},
		{"no such optimizer", least + "optimizer: {name: rite}\nmodel_: 1", nil,
			"@:3: optimizer.name: must be one of stable_lora, adamw, lora_plus, riemann, lora_rite, not \"rite\"\n@:4: model_: unknown key; did you mean model?"},
		{"optimizer out of range", least, []string{"optimizer.eps=0", "optimizer.test_every=0", "optimizer.lr_ratio=0", "optimizer.reg=-1",
			"optimizer.clip_unmagnified_grad=-1", "optimizer.update_skipping=-1", "optimizer.update_capping=-1", "optimizer.apply_escape=1"},
			"--set optimizer.eps=0: must be above 0, not 0\n" +
				"--set optimizer.test_every=0: must be at least 1, not 0\n" +
				"--set optimizer.lr_ratio=0: must be above 0, not 0\n" +
				"--set optimizer.reg=-1: must be at least 0, not -1\n" +
				"--set optimizer.clip_unmagnified_grad=-1: must be at least 0, not -1\n" +
				"--set optimizer.update_skipping=-1: must be at least 0, not -1\n" +
				"--set optimizer.update_capping=-1: must be at least 0, not -1\n" +
				"--set optimizer.apply_escape=1: must be true or false, not 1"},
		{"no such task", least + "eval: {tasks: [{name: helaswag, path: p}]}", nil,
			"@:3: eval.tasks.0.name: there is no task \"helaswag\"; stablelora eval --tasks list shows them; did you mean hellaswag?"},
		{"limit", least + "eval: {tasks: [{name: piqa, path: p, limit: 1.5}, {name: piqa, path: p}]}", nil,
			"@:3: eval.tasks.0.limit: must be a number of documents or a fraction below 1, not 1.5\n" +
				"@:3: eval.tasks.1.name: \"piqa\" is task 0 already; results are kept by name"},
		{"alias", least + "lora: &l {r: 1}\noptimizer: *l", nil,
			"@:4: optimizer: YAML aliases (*l) are not supported; write the value out, or put a text that begins with * in quotes"},
		{"merge key", least + "lora: &l {r: 1}\noptimizer: {<<: *l}", nil, "@:4: optimizer.<<: YAML merge keys are not supported; write the values out"},
		{"two documents", least + "---\nlora: {}\n", nil, "@:3: a second YAML document begins here; a configuration is one document"},
		{"not a mapping", "- a\n", nil, "@: must be a section with the keys model, lora, optimizer, data, train, eval, output, log, not a list\n" +
			"@: model.path: must name the folder of the base model\n@: data.train.0.path: must name a file of records"},
		{"not YAML", least + "lora: [\n", nil, "@:3: not valid YAML: did not find expected node content"},
		{"columns", "model: {path: m}\ndata: {train: [{path: d, columns: [a]}, {path: d, columns: {a: 1}}]}", nil,
			"@:2: data.train.0.columns: must map the format's field names to the file's, as {prompt: question}, not a list\n" +
				"@:2: data.train.1.columns.a: must be a text, not 1; put it in quotes if it is meant as one"},
		{"bad flags", least, []string{"lora.r.x=1", "data.train.7.path=x", "lara.r=1", "r=[", "=1", "train.seed="},
			"--set lora.r.x=1: lora.r: must be a whole number, not a section\n" +
				"--set data.train.7.path=x: \"7\" is not a place in the list, which has 1 items counted from 0\n" +
				"--set lara.r=1: lara: unknown key; did you mean lora?\n" +
				"--set r=[: not valid YAML: did not find expected node content\n" +
				"--set =1: write it as key=value, for example --set lora.r=16\n" +
				"--set train.seed=: must be a whole number, not the text \"\""},
		{"flag into a value", least + "lora: {r: 8}", []string{"lora.r.x=1"}, "--set lora.r.x=1: there is no section to hold \"x\""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := write(t, tc.text)
			_, err := Load(path, tc.sets)
			var problems *Error
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if d := cmp.Diff(tc.want, strings.ReplaceAll(err.Error(), path, "@")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestLoadRefusesFiles(t *testing.T) {
	for path, want := range map[string]string{
		"/absent/c.yaml":                       "/absent/c.yaml: there is no such configuration file",
		t.TempDir():                            "the configuration cannot be read",
		write(t, strings.Repeat("#\n", 1<<20)): "too large for a configuration",
	} {
		_, err := Load(path, nil)
		var problems *Error
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestLoadBoundsProblems(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "k%d: 1\n", i)
	}
	_, err := Load(write(t, least+text.String()), nil)
	if err == nil || strings.Count(err.Error(), "\n") != 100 || !strings.HasSuffix(err.Error(), "and 900 more problems") {
		t.Errorf("got %.200v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(least, "lora.r=4")
	f.Add("a: &a [*a, *a]\n<<: {? [x] : 1}", "data.train.0.columns={a: b}")
	f.Fuzz(func(t *testing.T, text, set string) {
		c, err := Load(write(t, text), []string{set})
		var problems *Error
		if err != nil && !errors.As(err, &problems) {
			t.Errorf("not an *Error: %v", err)
		}
		if err == nil {
			if problems := c.validate(); len(problems) > 0 {
				t.Errorf("loaded, but %v", problems)
			}
		}
	})
}

func TestDefaults(t *testing.T) {
	c, err := Defaults([]string{"lora.r=16", "train.max_steps=5"})
	if err != nil {
		t.Fatal(err)
	}
	if c.LoRA.R != 16 || c.Train.MaxSteps != 5 || c.Train.Epochs != 0 || c.Model.Path != "" || c.Data.Train[0].Path != "" {
		t.Errorf("%+v", c)
	}
	for set, want := range map[string]string{
		"lora.rank=1":           "--set lora.rank=1: unknown key; did you mean lora.r?",
		"model.path=''":         "--set model.path='': must name the folder of the base model",
		"train.batch_size=0":    "--set train.batch_size=0: must be at least 1, not 0",
		"data.train=[{path: }]": "--set data.train=[{path: }]: data.train.0.path: must name a file of records",
		"data.train=[]":         "--set data.train=[]: must name at least one file",
	} {
		if _, err := Defaults([]string{set}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", set, err, want)
		}
	}
}

// TestLoadHostile: a quarter of a megabyte of anything takes memory and time in proportion.
func TestLoadHostile(t *testing.T) {
	const n = 1 << 18
	var keys strings.Builder
	for i := range n / 8 {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	bomb := "a0: &a0 [x, x]\n"
	for i := range 40 {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i)
	}
	for name, text := range map[string]string{
		"lists": strings.Repeat("[", n), "sections": strings.Repeat("{a: ", n/4), "dashes": strings.Repeat("- ", n/2), "questions": strings.Repeat("? ", n/2),
		"comments": strings.Repeat("#\n", n/2-1), "comments in a list": strings.Repeat("- a #\n", n/6-1), "keys": keys.String()[:n-8],
		"one key": strings.Repeat("k", n-8) + ": 1", "digits": "lora: {r: " + strings.Repeat("7", n-40) + "}",
		"items": "data: {train: [" + strings.Repeat("{},", n/3-20) + "]}", "names": "lora: {target_modules: [" + strings.Repeat("a,", n/2-40) + "]}",
		"an expression": "lora: {target_modules: \"" + strings.Repeat("(.?){1000}|", n/11-10) + "\"}", "aliases": bomb, "anchors": strings.Repeat("&a ", n/3),
		"tags": strings.Repeat("!a ", n/3), "quotes": "\"" + strings.Repeat("\\x41", n/4-2) + "\"", "documents": strings.Repeat("---\n", n/4-1),
	} {
		path := write(t, text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := Load(path, nil)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		var problems *Error
		if !errors.As(err, &problems) || len(err.Error()) > 4*n {
			t.Errorf("%s: %.200v", name, err)
		}
		mib := (after.TotalAlloc - before.TotalAlloc) >> 20
		if mib > 256 || took > time.Minute {
			t.Errorf("%s: %d MiB, %v", name, mib, took)
		}
	}
}
