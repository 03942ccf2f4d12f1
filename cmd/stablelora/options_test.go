//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
)

// change is another value for a key, the settings under which the key matters,
// and where the difference must be seen: in a file of the run's folder, "files"
// for their names, "stderr", or "plan" for what --dry-run prints.
type change struct {
	set  string
	in   string
	with []string
}

const adapterFile = "adapter_model.safetensors"

// hellaswagTask is asked of two documents.
const hellaswagTask = "eval.tasks=[{name: hellaswag, path: demo/data/hellaswag_test.jsonl, limit: 2}]"

// heldOut is two records whose loss is taken.
const heldOut = "data.eval=[{path: demo/data/gsm8k_test.jsonl, max_samples: 2}]"

// optionChanges has every key of the configuration: each must alter the run.
var optionChanges = map[string]change{
	"model.path":    {"moved/model", "adapter_config.json", nil},
	"model.compute": {"bf16", adapterFile, nil},

	"lora.r":               {"4", adapterFile, nil},
	"lora.alpha":           {"8", adapterFile, nil},
	"lora.dropout":         {"0.5", adapterFile, nil},
	"lora.target_modules":  {"[k_proj]", adapterFile, nil},
	"lora.exclude_modules": {"[v_proj]", adapterFile, nil},
	"lora.layers":          {"[0]", adapterFile, nil},
	"lora.use_rslora":      {"true", adapterFile, nil},
	"lora.init":            {"he", adapterFile, nil},
	"lora.init_from":       {"whole", adapterFile, nil},

	"optimizer.name":                  {"lora_rite", adapterFile, nil},
	"optimizer.betas":                 {"[0.8, 0.999]", adapterFile, nil},
	"optimizer.eps":                   {"1e-3", adapterFile, nil},
	"optimizer.weight_decay":          {"0.5", adapterFile, nil},
	"optimizer.shrink_ratio":          {"0.1", adapterFile, nil},
	"optimizer.stop_condition":        {"false", adapterFile, []string{"train.learning_rate=0.1"}},
	"optimizer.test_every":            {"3", adapterFile, []string{"train.learning_rate=0.1"}},
	"optimizer.lr_ratio":              {"16", adapterFile, []string{"optimizer.name=lora_plus"}},
	"optimizer.reg":                   {"1", adapterFile, []string{"optimizer.name=riemann"}},
	"optimizer.updated_factors":       {"true", adapterFile, []string{"optimizer.name=riemann"}},
	"optimizer.correct_bias":          {"false", adapterFile, []string{"optimizer.name=riemann"}},
	"optimizer.clip_unmagnified_grad": {"0.001", adapterFile, []string{"optimizer.name=lora_rite"}},
	"optimizer.update_skipping":       {"0.01", adapterFile, []string{"optimizer.name=lora_rite"}},
	"optimizer.update_capping":        {"0.001", adapterFile, []string{"optimizer.name=lora_rite"}},
	"optimizer.apply_escape":          {"true", adapterFile, []string{"optimizer.name=lora_rite"}},
	"optimizer.balance_param":         {"true", adapterFile, []string{"optimizer.name=lora_rite"}},

	"data.train":              {"[{path: demo/data/hellaswag_train.jsonl, max_samples: 16}]", adapterFile, nil},
	"data.train.path":         {"[{path: demo/data/gsm8k_test.jsonl, max_samples: 16}]", adapterFile, nil},
	"data.train.format":       {"[{path: both.jsonl, format: text}]", adapterFile, []string{"data.train=[{path: both.jsonl, format: prompt_completion}]"}},
	"data.train.weight":       {"[{path: demo/data/gsm8k_train.jsonl, max_samples: 16, weight: 2}]", "metrics.jsonl", []string{"train.epochs=1", "train.max_steps=0"}},
	"data.train.max_samples":  {"[{path: demo/data/gsm8k_train.jsonl, max_samples: 9}]", adapterFile, nil},
	"data.train.columns":      {"[{path: both.jsonl, format: prompt_completion, columns: {prompt: text}}]", adapterFile, []string{"data.train=[{path: both.jsonl, format: prompt_completion}]"}},
	"data.eval":               {"[{path: demo/data/gsm8k_test.jsonl, max_samples: 2}]", "metrics.jsonl", nil},
	"data.eval.path":          {"[{path: demo/data/gsm8k_train.jsonl, max_samples: 2}]", "items.json", []string{heldOut}},
	"data.eval.format":        {"[{path: both.jsonl, format: text}]", "items.json", []string{"data.eval=[{path: both.jsonl, format: prompt_completion}]"}},
	"data.eval.weight":        {"[{path: demo/data/gsm8k_test.jsonl, max_samples: 2, weight: 2}]", "stderr", []string{heldOut}}, // it says that it does nothing,
	"data.eval.max_samples":   {"[{path: demo/data/gsm8k_test.jsonl, max_samples: 3}]", "items.json", []string{heldOut}},
	"data.eval.columns":       {"[{path: both.jsonl, format: prompt_completion, columns: {prompt: text}}]", "items.json", []string{"data.eval=[{path: both.jsonl, format: prompt_completion}]"}},
	"data.max_length":         {"24", adapterFile, []string{"data.on_overflow=truncate", "data.train_on=all"}},
	"data.on_overflow":        {"drop", adapterFile, []string{"data.on_overflow=truncate", "data.train_on=all", "data.max_length=90"}},
	"data.train_on":           {"all", adapterFile, nil},
	"data.append_eos":         {"false", adapterFile, nil},
	"data.shuffle":            {"false", adapterFile, nil},
	"train.epochs":            {"2", "metrics.jsonl", []string{"train.epochs=1", "train.max_steps=0"}},
	"train.max_steps":         {"3", adapterFile, nil},
	"train.batch_size":        {"3", adapterFile, nil},
	"train.micro_batch_size":  {"1", "plan", nil}, // the result must not depend on it
	"train.learning_rate":     {"2e-3", adapterFile, nil},
	"train.lr_scheduler":      {"cosine", adapterFile, nil},
	"train.warmup_steps":      {"2", adapterFile, nil},
	"train.warmup_ratio":      {"0.5", adapterFile, nil},
	"train.min_lr_ratio":      {"0.5", adapterFile, nil},
	"train.max_grad_norm":     {"1e-9", adapterFile, nil},
	"train.seed":              {"7", adapterFile, nil},
	"train.recompute":         {"always", "plan", nil}, // the result must not depend on it
	"eval.tasks":              {strings.TrimPrefix(hellaswagTask, "eval.tasks="), "results.json", nil},
	"eval.tasks.name":         {"[{name: arc_easy, path: arc.jsonl}]", "results.json", []string{"eval.tasks=[{name: arc_challenge, path: arc.jsonl}]"}},
	"eval.tasks.path":         {"[{name: hellaswag, path: demo/data/hellaswag_train.jsonl, limit: 2}]", "items.json", []string{hellaswagTask}},
	"eval.tasks.fewshot_path": {"[{name: hellaswag, path: demo/data/hellaswag_test.jsonl, limit: 2, num_fewshot: 1, fewshot_path: demo/data/hellaswag_test.jsonl}]", "items.json", []string{"eval.tasks=[{name: hellaswag, path: demo/data/hellaswag_test.jsonl, limit: 2, num_fewshot: 1, fewshot_path: demo/data/hellaswag_train.jsonl}]"}},
	"eval.tasks.num_fewshot":  {"[{name: hellaswag, path: demo/data/hellaswag_test.jsonl, limit: 2, num_fewshot: 1, fewshot_path: demo/data/hellaswag_train.jsonl}]", "items.json", []string{hellaswagTask}},
	"eval.tasks.limit":        {"[{name: hellaswag, path: demo/data/hellaswag_test.jsonl, limit: 3}]", "results.json", []string{hellaswagTask}},
	"eval.base":               {"false", "results.json", []string{hellaswagTask}},
	"eval.every_steps":        {"2", "metrics.jsonl", []string{heldOut}},
	"output.dir":              {"elsewhere", "files", nil},
	"output.save_every":       {"2", "files", nil},
	"output.keep_last":        {"1", "files", []string{"output.save_every=1"}},
	"log.every":               {"1", "stability.jsonl", nil},
}

// configKeys lists the leaves of a configuration's type, those of list entries
// under the list's key.
func configKeys(t reflect.Type, prefix string) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("yaml")
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct || inner == reflect.TypeFor[config.Targets]() {
			keys = append(keys, key)
			continue
		}
		if f.Type.Kind() == reflect.Slice {
			keys = append(keys, key)
		}
		keys = append(keys, configKeys(inner, key+".")...)
	}
	return keys
}

// Every key is read: a changed value changes the run where it must be seen.
func TestEveryOptionIsRead(t *testing.T) {
	dir := t.TempDir()
	for _, demo := range []string{"demo", "moved"} {
		start(t, dir, "init", "--demo", demo, "--quiet").ends(0)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("run.yaml", strings.Replace(runConfig, "dir: out", "dir: whole", 1))
	write("both.jsonl", strings.Repeat(`{"prompt": "One and one is", "completion": " two.", "text": "The cat sat on the mat."}`+"\n", 8))
	write("arc.jsonl", `{"id": "1", "question": "What is wet?", "choices": {"text": ["water", "sand"], "label": ["A", "B"]}, "answerKey": "A"}`+"\n")
	start(t, dir, "train", "--config", "run.yaml", "--quiet").ends(0)

	keys := configKeys(reflect.TypeFor[config.Config](), "")
	if len(keys) < 60 {
		t.Fatalf("only %d keys: %v", len(keys), keys)
	}
	for key := range optionChanges {
		if !strings.Contains("\n"+strings.Join(keys, "\n")+"\n", "\n"+key+"\n") {
			t.Errorf("%s is no key", key)
		}
	}
	var once sync.Mutex // of baselines that several keys share
	baselines := map[string]seen{}
	for _, key := range keys {
		c, ok := optionChanges[key]
		if !ok {
			t.Errorf("%s: not in optionChanges", key)
			continue
		}
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			name := strings.Join(append(c.with, c.in), " ")
			once.Lock()
			before, ok := baselines[name]
			if !ok {
				before = look(t, dir, "baseline of "+key, c.in, c.with)
				baselines[name] = before
			}
			once.Unlock()
			setting := key
			for _, list := range []string{"data.train", "data.eval", "eval.tasks"} {
				if strings.HasPrefix(key, list+".") {
					setting = list
				}
			}
			after := look(t, dir, "changed "+key, c.in, append(c.with[:len(c.with):len(c.with)], setting+"="+c.set))
			if before == after {
				t.Errorf("%s=%s changes nothing in %s", setting, c.set, c.in)
			}
		})
	}
}

// seen is what of a run is compared.
type seen string

var unstable = regexp.MustCompile(`"(elapsed_seconds|tokens_per_second)": ?[0-9.e+-]+`)

// look trains with settings, into the folder name unless they say another, and
// returns the place asked for.
func look(t *testing.T, dir, name, in string, settings []string) seen {
	t.Helper()
	args := []string{"train", "--config", "run.yaml"}
	if in == "plan" {
		args = append(args, "--dry-run", "--json")
	} else {
		args = append(args, "--quiet", "--set", "output.dir="+name)
	}
	for _, s := range settings {
		args = append(args, "--set", s)
	}
	cmd := exec.Command("stablelora", args...)
	cmd.Dir = dir
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v: %s", args, err, said.String())
	}
	switch in {
	case "plan":
		return seen(out)
	case "stderr":
		return seen(said.String())
	case "files":
		var names []string
		entries, err := os.ReadDir(filepath.Join(dir, name))
		if err != nil {
			return seen(err.Error())
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return seen(strings.Join(names, "\n"))
	}
	data, err := os.ReadFile(filepath.Join(dir, name, in))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return seen(unstable.ReplaceAll(data, nil))
}
