package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/regex"
	"github.com/stablelora/stablelora/internal/spell"
)

// Formats lists the values of a data file's format.
func Formats() []string {
	return []string{"auto", "prompt_completion", "text", "alpaca", "chat", "metamath", "gsm8k", "hellaswag",
		"arc", "openbookqa", "social_iqa", "piqa", "winogrande", "boolq", "llm_adapters"}
}

// Tasks lists the values of an evaluation task's name.
func Tasks() []string {
	tasks := []string{"hellaswag", "arc_easy", "arc_challenge", "openbookqa", "social_iqa", "piqa", "winogrande", "boolq", "gsm8k",
		"gsm8k_cot", "gsm8k_cot_zeroshot", "gsm8k_cot_llama", "metamath_gsm8k", "metamath_gsm8k_clean"}
	for _, set := range []string{"boolq", "piqa", "social_i_qa", "hellaswag", "winogrande", "arc_easy", "arc_challenge", "openbookqa"} {
		tasks = append(tasks, "llm_adapters_"+set, "llm_adapters_"+set+"_clean")
	}
	return append(tasks, "llm_adapters_math")
}

// IsTaskFile says whether the name of a task is the path of a task file, which
// is checked where it is read.
func IsTaskFile(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// rules collects the problems of values.
type rules struct{ problems []problem }

func (r *rules) require(ok bool, key, format string, args ...any) {
	if !ok {
		r.problems = append(r.problems, problem{key: key, text: fmt.Sprintf(format, args...)})
	}
}

func (r *rules) oneOf(value, key string, allowed ...string) bool {
	ok := slices.Contains(allowed, value)
	r.require(ok, key, "must be one of %s, not %q", strings.Join(allowed, ", "), value)
	return ok
}

func (r *rules) atLeast(value, least int, key string) {
	r.require(value >= least, key, "must be at least %d, not %d", least, value)
}

func (r *rules) above0(value float64, key string) {
	r.require(value > 0, key, "must be above 0, not %v", value)
}

func (r *rules) notNegative(value float64, key string) {
	r.require(value >= 0, key, "must be at least 0, not %v", value)
}

// fraction is a number from 0 to 1, 1 excluded.
func (r *rules) fraction(value float64, key string) {
	r.require(value >= 0 && value < 1, key, "must be at least 0 and below 1, not %v", value)
}

func (r *rules) share(value float64, key string) {
	r.require(value >= 0 && value <= 1, key, "must be from 0 to 1, not %v", value)
}

func item(list string, i int, key string) string { return fmt.Sprintf("%s.%d.%s", list, i, key) }

// validate checks every value's range and what the keys say together.
func (c *Config) validate() []problem {
	r := &rules{}
	r.model(c.Model)
	r.lora(c.LoRA)
	r.optimizer(c.Optimizer)
	r.data(c.Data)
	r.train(c.Train)
	r.eval(c.Eval)
	r.require(c.Output.Dir != "", "output.dir", "must name a folder")
	r.atLeast(c.Output.SaveEvery, 0, "output.save_every")
	r.atLeast(c.Output.KeepLast, 1, "output.keep_last")
	r.atLeast(c.Log.Every, 1, "log.every")
	return r.problems
}

func (r *rules) model(m Model) {
	r.require(m.Path != "", "model.path", "must name the folder of the base model")
	r.oneOf(m.Compute, "model.compute", "fp32", "bf16")
}

func (r *rules) lora(l LoRA) {
	r.atLeast(l.R, 1, "lora.r")
	r.above0(l.Alpha, "lora.alpha")
	r.fraction(l.Dropout, "lora.dropout")
	r.targets(l.TargetModules, "lora.target_modules")
	r.require(l.TargetModules.Pattern != "" || len(l.TargetModules.Names) > 0,
		"lora.target_modules", "must name at least one module")
	r.targets(l.ExcludeModules, "lora.exclude_modules")
	for i, layer := range l.Layers {
		r.atLeast(layer, 0, fmt.Sprintf("lora.layers.%d", i))
	}
	r.oneOf(l.Init, "lora.init", "kaiming", "he", "gaussian", "zero")
}

func (r *rules) targets(t Targets, key string) {
	for i, name := range t.Names {
		r.require(name != "", fmt.Sprintf("%s.%d", key, i), "must name a module")
	}
	if _, err := regex.Compile(t.Pattern); err != nil {
		r.require(false, key, "must be a list of module names, a regular expression or %s: %v", AllLinear, err)
	}
}

func (r *rules) optimizer(o Optimizer) {
	r.oneOf(o.Name, "optimizer.name", "stable_lora", "adamw", "lora_plus", "riemann", "lora_rite")
	r.fraction(o.Betas[0], "optimizer.betas.0")
	r.fraction(o.Betas[1], "optimizer.betas.1")
	r.above0(o.Eps, "optimizer.eps")
	r.notNegative(o.WeightDecay, "optimizer.weight_decay")
	r.fraction(o.ShrinkRatio, "optimizer.shrink_ratio")
	r.atLeast(o.TestEvery, 1, "optimizer.test_every")
	r.above0(o.LRRatio, "optimizer.lr_ratio")
	r.notNegative(o.Reg, "optimizer.reg")
	r.notNegative(o.ClipUnmagnifiedGrad, "optimizer.clip_unmagnified_grad")
	r.notNegative(o.UpdateSkipping, "optimizer.update_skipping")
	r.notNegative(o.UpdateCapping, "optimizer.update_capping")
}

func (r *rules) data(d Data) {
	r.require(len(d.Train) > 0, "data.train", "must name at least one file")
	r.files(d.Train, "data.train")
	r.files(d.Eval, "data.eval")
	r.atLeast(d.MaxLength, 2, "data.max_length")
	r.oneOf(d.OnOverflow, "data.on_overflow", "error", "drop", "truncate")
	r.oneOf(d.TrainOn, "data.train_on", "completion", "all")
}

func (r *rules) files(files []DataFile, list string) {
	for i, f := range files {
		r.require(f.Path != "", item(list, i, "path"), "must name a file of records")
		if !IsTaskFile(f.Format) {
			r.oneOf(f.Format, item(list, i, "format"), Formats()...)
		}
		r.require(f.Weight > 0 && f.Weight <= 1000, item(list, i, "weight"),
			"must be above 0 and at most 1000, not %v", f.Weight)
		r.atLeast(f.MaxSamples, 0, item(list, i, "max_samples"))
	}
}

func (r *rules) train(t Train) {
	r.atLeast(t.Epochs, 0, "train.epochs")
	r.atLeast(t.MaxSteps, 0, "train.max_steps")
	r.require(t.Epochs <= 0 || t.MaxSteps <= 0, "train.max_steps",
		"give epochs or max_steps, not both; set one of them to 0")
	r.require(t.Epochs != 0 || t.MaxSteps != 0, "train.epochs", "epochs or max_steps must be above 0")
	r.atLeast(t.BatchSize, 1, "train.batch_size")
	r.atLeast(t.MicroBatchSize, 1, "train.micro_batch_size")
	r.above0(t.LearningRate, "train.learning_rate")
	r.oneOf(t.LRScheduler, "train.lr_scheduler", "constant", "linear", "cosine")
	r.atLeast(t.WarmupSteps, 0, "train.warmup_steps")
	r.share(t.WarmupRatio, "train.warmup_ratio")
	r.require(t.WarmupSteps <= 0 || t.WarmupRatio <= 0, "train.warmup_ratio",
		"give warmup_steps or warmup_ratio, not both; set one of them to 0")
	r.share(t.MinLRRatio, "train.min_lr_ratio")
	r.notNegative(t.MaxGradNorm, "train.max_grad_norm")
	r.require(t.Seed < 1<<63, "train.seed", "must be below 2^63, not %d", t.Seed)
	r.oneOf(t.Recompute, "train.recompute", "auto", "never", "always")
}

func (r *rules) eval(e Eval) {
	first := map[string]int{}
	for i, t := range e.Tasks {
		r.require(t.Name != "", item("eval.tasks", i, "name"), "must name an evaluation task")
		if t.Name != "" && !IsTaskFile(t.Name) && !slices.Contains(Tasks(), t.Name) {
			text := fmt.Sprintf("there is no task %q; stablelora eval --tasks list shows them", t.Name)
			if best := spell.Nearest(t.Name, Tasks()); best != "" {
				text += "; did you mean " + best + "?"
			}
			r.require(false, item("eval.tasks", i, "name"), "%s", text)
		}
		if j, twice := first[t.Name]; twice && t.Name != "" {
			r.require(false, item("eval.tasks", i, "name"), "%q is task %d already; results are kept by name", t.Name, j)
		}
		first[t.Name] = i
		r.require(t.Path != "" || IsTaskFile(t.Name), item("eval.tasks", i, "path"), "must name the file of the task's documents")
		if t.NumFewshot != nil {
			r.atLeast(*t.NumFewshot, 0, item("eval.tasks", i, "num_fewshot"))
		}
		r.require(t.Limit >= 0 && (t.Limit < 1 || t.Limit == float64(int(t.Limit))), item("eval.tasks", i, "limit"),
			"must be a number of documents or a fraction below 1, not %v", t.Limit)
	}
	r.atLeast(e.EverySteps, 0, "eval.every_steps")
}
