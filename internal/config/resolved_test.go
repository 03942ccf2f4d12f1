package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestYAMLLoadsBack(t *testing.T) {
	c := load(t, least, "train.max_steps=7", "lora.target_modules='.*\\.(q|v)_proj'", "lora.layers=[1]", "optimizer.eps=1e-9",
		"data.train.0.columns={Prompt: 'a: b'}", "eval.tasks=[{name: gsm8k, path: x, num_fewshot: 2},{name: piqa, path: /1e-08}]")
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	back := load(t, string(text))
	if d := cmp.Diff(c, back); d != "" {
		t.Error(d)
	}
	again, err := back.YAML()
	if err != nil || string(again) != string(text) {
		t.Errorf("second writing differs: %v\n%s", err, again)
	}
	for _, line := range []string{"  eps: 1.0e-09\n", "      num_fewshot: null\n", "  eval: []\n", "      path: /1e-08\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}

func TestTemplateIsTheDefault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, Template(), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Model.Path = filepath.Join(filepath.Dir(path), "path/to/model")
	want.Data.Train[0].Path = filepath.Join(filepath.Dir(path), "path/to/train.jsonl")
	if d := cmp.Diff(want, *c); d != "" {
		t.Error(d)
	}
	// Every key is written out, so that the template shows what exists.
	for _, key := range []string{"num_fewshot", "fewshot_path", "limit"} {
		if !strings.Contains(string(Template()), key) {
			t.Errorf("the template does not name %s", key)
		}
	}
	var missing []string
	c.trajectory(func(key, _ string) {
		if leaf := key[strings.LastIndexByte(key, '.')+1:]; !strings.Contains(string(Template()), " "+leaf+":") {
			missing = append(missing, key)
		}
	})
	if missing != nil {
		t.Errorf("the template lacks %q", missing)
	}
}

// TestTrajectory changes every key in turn: those that alter training must
// alter the hash and be named, the others must not.
func TestTrajectory(t *testing.T) {
	base := load(t, least)
	free := []string{"model.path=x", "lora.init_from=x", "data.train.0.path=x", "data.eval=[{path: x}]",
		"train.micro_batch_size=2", "train.recompute=always", "eval.tasks=[{name: piqa, path: b}]", "eval.base=false",
		"eval.every_steps=1", "output.dir=x", "output.save_every=1", "output.keep_last=1", "log.every=1"}
	bound := []string{"lora.r=2", "lora.alpha=2", "lora.dropout=0.5", "lora.target_modules=all-linear", "lora.exclude_modules=[x]",
		"lora.layers=[1]", "lora.use_rslora=true", "lora.init=he", "optimizer.name=adamw", "optimizer.betas=[0.9,0.99]",
		"optimizer.eps=1", "optimizer.weight_decay=1", "optimizer.shrink_ratio=0", "optimizer.stop_condition=false",
		"optimizer.test_every=2", "optimizer.lr_ratio=1", "optimizer.reg=1", "optimizer.updated_factors=true",
		"optimizer.correct_bias=false", "optimizer.clip_unmagnified_grad=0", "optimizer.update_skipping=0",
		"optimizer.update_capping=1", "optimizer.apply_escape=true", "optimizer.balance_param=true", "data.train.0.format=text", "data.train.0.weight=2", "data.train.0.max_samples=2",
		"data.train.0.columns={a: b}", "data.train.1.path=x", "data.max_length=9", "data.on_overflow=drop", "data.train_on=all",
		"data.append_eos=false", "data.shuffle=false", "train.epochs=2", "train.max_steps=2", "train.batch_size=3",
		"train.learning_rate=1", "train.lr_scheduler=cosine", "train.warmup_steps=1", "train.warmup_ratio=0.5",
		"train.min_lr_ratio=0.5", "train.max_grad_norm=0", "train.seed=1"}
	for _, set := range append(slices.Clone(free), bound...) {
		c := load(t, least, set)
		key, _, _ := strings.Cut(set, "=")
		changed := c.TrajectoryHash() != base.TrajectoryHash()
		diff := Diff(base, c)
		if changed != slices.Contains(bound, set) || changed != (len(diff) > 0) {
			t.Errorf("%s: hash changed: %v, difference %q", set, changed, diff)
		}
		if named := strings.HasPrefix(strings.Join(diff, " "), strings.TrimSuffix(key, ".path")) ||
			key == "train.max_steps"; changed && !named {
			t.Errorf("%s: difference %q does not name it", set, diff)
		}
	}
	two := load(t, least, "data.train.1.path=x")
	if d := Diff(two, base); len(d) != 4 || !strings.HasPrefix(d[0], "data.train.1.format: \"auto\", now absent") {
		t.Errorf("a file less: %q", d)
	}
}

func TestWarnings(t *testing.T) {
	if got := load(t, least).Warnings(); got != nil {
		t.Errorf("the defaults warn: %q", got)
	}
	got := load(t, least, "optimizer.name=adamw", "optimizer.shrink_ratio=0.1", "optimizer.reg=1", "lora.init_from=a", "lora.r=4",
		"train.lr_scheduler=constant", "train.min_lr_ratio=0.1", "eval.every_steps=5").Warnings()
	got = append(got, load(t, least, "data.eval=[{path: a}, {path: b, weight: 2}]").Warnings()...)
	want := []string{
		"optimizer.shrink_ratio has no effect: it belongs to stable_lora; optimizer.name is adamw",
		"optimizer.reg has no effect: it belongs to riemann; optimizer.name is adamw",
		"lora.r has no effect: lora.init_from brings its own",
		"train.min_lr_ratio has no effect: a constant learning rate does not fall",
		"eval.every_steps has no effect: there are neither data.eval files nor eval.tasks",
		"data.eval.1.weight has no effect: held-out files are taken once",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Every key that belongs to one optimizer is named where another is chosen.
func TestWarningsOfForeignOptimizers(t *testing.T) {
	keys := map[string][]string{
		"stable_lora": {"shrink_ratio=0.1", "stop_condition=false", "test_every=2"},
		"adamw":       nil,
		"lora_plus":   {"lr_ratio=2"},
		"riemann":     {"reg=1", "updated_factors=true", "correct_bias=false"},
		"lora_rite": {"clip_unmagnified_grad=2", "update_skipping=2", "update_capping=2", "apply_escape=true",
			"balance_param=true"},
	}
	own := 0
	for name := range keys {
		for owner, sets := range keys {
			for _, set := range sets {
				got := load(t, least, "optimizer.name="+name, "optimizer."+set).Warnings()
				key, _, _ := strings.Cut(set, "=")
				named := len(got) == 1 && strings.HasPrefix(got[0], "optimizer."+key+" has no effect: it belongs to "+owner)
				if named == (name == owner) || name == owner && got != nil {
					t.Errorf("%s with %s: %q", name, set, got)
				}
				if name == owner {
					own++
				}
			}
		}
	}
	// What is not in the table above belongs to all.
	if n := reflect.TypeFor[Optimizer]().NumField(); own != n-len([]string{"name", "betas", "eps", "weight_decay"}) {
		t.Errorf("%d keys of %d are in the table", own, n)
	}
	got := load(t, least, "optimizer.stop_condition=false", "optimizer.test_every=2").Warnings()
	if want := []string{"optimizer.test_every has no effect: optimizer.stop_condition is false"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
