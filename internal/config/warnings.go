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
	if c.Optimizer.Name != "stable_lora" {
		idle("only stable_lora shrinks", "optimizer.shrink_ratio", "optimizer.stop_condition")
	}
	if c.Optimizer.Name != "lora_plus" {
		idle("it belongs to lora_plus", "optimizer.lr_ratio")
	}
	if c.Optimizer.Name != "riemann" {
		idle("it belongs to riemann", "optimizer.reg")
	}
	if c.LoRA.InitFrom != "" {
		idle("lora.init_from brings its own", "lora.r", "lora.alpha", "lora.target_modules", "lora.exclude_modules",
			"lora.layers", "lora.use_rslora", "lora.init")
	}
	if c.Train.LRScheduler == "constant" {
		idle("a constant learning rate does not fall", "train.min_lr_ratio")
	}
	if len(c.Data.Eval) == 0 && len(c.Eval.Tasks) == 0 {
		idle("there are neither data.eval files nor eval.tasks", "eval.every_steps")
	}
	return out
}
