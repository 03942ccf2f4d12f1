package config

import (
	"fmt"
	"reflect"
)

// Warnings names the keys whose values differ from the default but have no
// effect with the others, one sentence each.
func (c *Config) Warnings() []string {
	values := map[string]string{}
	leaves(reflect.ValueOf(*c), "", func(key, value string) { values[key] = value })
	var out []string
	idle := func(why string, keys ...string) {
		leaves(reflect.ValueOf(Default()), "", func(key, value string) {
			for _, k := range keys {
				if k == key && values[k] != value {
					out = append(out, fmt.Sprintf("%s has no effect: %s", key, why))
				}
			}
		})
	}
	for _, o := range []struct {
		owner string
		keys  []string
	}{
		{"stable_lora", []string{"shrink_ratio", "stop_condition", "test_every"}},
		{"lora_plus", []string{"lr_ratio"}},
		{"riemann", []string{"reg", "updated_factors", "correct_bias"}},
		{"lora_rite", []string{"clip_unmagnified_grad", "update_skipping", "update_capping", "apply_escape", "balance_param"}},
	} {
		for _, key := range o.keys {
			if c.Optimizer.Name != o.owner {
				idle("it belongs to "+o.owner+"; optimizer.name is "+c.Optimizer.Name, "optimizer."+key)
			}
		}
	}
	if c.Optimizer.Name == "stable_lora" && !c.Optimizer.StopCondition {
		idle("optimizer.stop_condition is false", "optimizer.test_every")
	}
	if c.LoRA.InitFrom != "" {
		idle("lora.init_from brings its own", "lora.r", "lora.alpha", "lora.target_modules", "lora.exclude_modules",
			"lora.layers", "lora.use_rslora", "lora.init")
	}
	if c.Train.LRScheduler == "constant" {
		idle("a constant learning rate does not fall", "train.min_lr_ratio")
	}
	for i, f := range c.Data.Eval {
		if f.Weight != 0 && f.Weight != 1 {
			out = append(out, fmt.Sprintf("data.eval.%d.weight has no effect: held-out files are taken once", i))
		}
	}
	if len(c.Data.Eval) == 0 && len(c.Eval.Tasks) == 0 {
		idle("there are neither data.eval files nor eval.tasks", "eval.every_steps")
	}
	return out
}
