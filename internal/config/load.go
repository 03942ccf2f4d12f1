package config

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// Load reads a configuration: the defaults, over them the YAML file, over it
// the --set flags "key=value", whose dotted keys may go into lists
// (data.train.0.path) and whose values are YAML. The result is checked and
// settled: of epochs and max_steps, and of warmup_steps and warmup_ratio, one is
// 0; optimizer.eps is the optimizer's own where it was not given; micro_batch_size is at most batch_size; input paths are absolute, those of
// the file starting at its folder and those of flags at the current one.
//
// The error is an *Error with every problem found.
func Load(path string, sets []string) (*Config, error) {
	return read(path, setFlags(sets), nil)
}

// LoadFlags is Load with "key=value" settings from flags of several names, which
// its problems are told by.
func LoadFlags(path string, flags []Flag) (*Config, error) {
	return read(path, flags, nil)
}

// Defaults is Load without a file. The paths that have no default, those of the
// model and the data, may be missing.
func Defaults(sets []string) (*Config, error) {
	return read("", setFlags(sets), []string{"model.path", "data.train"})
}

// read is Load. What is wrong with the values of keys that may be missing matters
// only where they were given.
func read(path string, flags []Flag, optional []string) (*Config, error) {
	s, problems, err := open(path, flags)
	if err != nil {
		return nil, err
	}
	check := &checker{problems: problems, given: map[string]place{}}
	given, ok := check.value(s.root, reflect.TypeFor[Config](), 0, "")
	if !ok {
		given = map[string]any{}
	}
	c, err := decode(given.(map[string]any))
	if err != nil {
		return nil, errorf("%s: %v", path, err)
	}
	c.settle(check.given)
	problems = check.problems
	for _, p := range c.validate() {
		if !related(problems, p.key) {
			p.at = origin(check.given, p.key)
			if !slices.ContainsFunc(optional, func(key string) bool {
				_, given := check.given[key]
				return !given && strings.HasPrefix(p.key, key)
			}) {
				problems = append(problems, p)
			}
		}
	}
	if len(problems) > 0 {
		return nil, newError(s, problems)
	}
	c.Train.MicroBatchSize = min(c.Train.MicroBatchSize, c.Train.BatchSize)
	if err := c.resolve(filepath.Dir(path), check.given); err != nil {
		return nil, errorf("%s: %v", path, err)
	}
	return c, nil
}

// decode merges what was given over the defaults.
func decode(given map[string]any) (*Config, error) {
	v := viper.NewWithOptions(viper.KeyDelimiter("::"))
	if err := v.MergeConfigMap(toMap(reflect.ValueOf(Default()))); err != nil {
		return nil, err
	}
	if err := v.MergeConfigMap(given); err != nil {
		return nil, err
	}
	c := &Config{}
	err := v.UnmarshalExact(c, func(d *mapstructure.DecoderConfig) {
		d.TagName = "yaml"
		d.WeaklyTypedInput = false
		d.DecodeHook = nil
	})
	return c, err
}

// settle lets the one of two exclusive keys that was given win: over the
// other's default, and from a flag over the file's. validate refuses the rest.
// LoRA-RITE has an ε of its own where none was given.
func (c *Config) settle(given map[string]place) {
	if _, ok := given["optimizer.eps"]; !ok && c.Optimizer.Name == "lora_rite" {
		c.Optimizer.Eps = riteEps
	}
	t := &c.Train
	if t.MaxSteps > 0 && t.Epochs > 0 {
		switch prefer(given, "train.max_steps", "train.epochs") {
		case "train.max_steps":
			t.Epochs = 0
		case "train.epochs":
			t.MaxSteps = 0
		}
	}
	if t.WarmupSteps > 0 && t.WarmupRatio > 0 {
		switch prefer(given, "train.warmup_steps", "train.warmup_ratio") {
		case "train.warmup_steps":
			t.WarmupRatio = 0
		case "train.warmup_ratio":
			t.WarmupSteps = 0
		}
	}
}

// prefer returns the key that outranks the other, or "".
func prefer(given map[string]place, a, b string) string {
	rank := func(key string) int {
		at, ok := given[key]
		switch {
		case !ok:
			return 0
		case at.isSet():
			return 2
		}
		return 1
	}
	switch ra, rb := rank(a), rank(b); {
	case ra > rb:
		return a
	case rb > ra:
		return b
	}
	return ""
}

// origin finds where key was given, or else the section or list it is in.
func origin(given map[string]place, key string) place {
	for {
		if at, ok := given[key]; ok {
			return at
		}
		i := strings.LastIndexByte(key, '.')
		if i < 0 {
			return 0
		}
		key = key[:i]
	}
}

// related tells whether a problem with key, or with a part of it, is known.
func related(problems []problem, key string) bool {
	for _, p := range problems {
		if p.key != "" && (p.key == key || strings.HasPrefix(p.key, key+".") || strings.HasPrefix(key, p.key+".")) {
			return true
		}
	}
	return false
}

// resolve makes every input path absolute.
func (c *Config) resolve(dir string, given map[string]place) (err error) {
	c.inputs(func(key string, path *string) {
		if *path == "" || err != nil {
			return
		}
		if !filepath.IsAbs(*path) && !origin(given, key).isSet() {
			*path = filepath.Join(dir, *path)
		}
		*path, err = filepath.Abs(*path)
	})
	return err
}

// inputs calls fn for each path that is read.
func (c *Config) inputs(fn func(key string, path *string)) {
	fn("model.path", &c.Model.Path)
	fn("lora.init_from", &c.LoRA.InitFrom)
	file := func(key string, name *string) {
		if IsTaskFile(*name) {
			fn(key, name)
		}
	}
	for i := range c.Data.Train {
		fn(item("data.train", i, "path"), &c.Data.Train[i].Path)
		file(item("data.train", i, "format"), &c.Data.Train[i].Format)
	}
	for i := range c.Data.Eval {
		fn(item("data.eval", i, "path"), &c.Data.Eval[i].Path)
		file(item("data.eval", i, "format"), &c.Data.Eval[i].Format)
	}
	for i := range c.Eval.Tasks {
		file(item("eval.tasks", i, "name"), &c.Eval.Tasks[i].Name)
		fn(item("eval.tasks", i, "path"), &c.Eval.Tasks[i].Path)
		fn(item("eval.tasks", i, "fewshot_path"), &c.Eval.Tasks[i].FewshotPath)
	}
}
