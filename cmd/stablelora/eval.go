package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/infer"
	"github.com/stablelora/stablelora/internal/overlap"
	"github.com/stablelora/stablelora/internal/runfolder"
	"github.com/stablelora/stablelora/internal/task"
)

type evalOptions struct {
	config, model, adapter, output string
	untrained                      string       // the run's folder of config that has no adapter yet
	trained                        *config.Data // of config
	tasks, data, fewshotData       []string
	numFewshot, maxGenToks         int
	limit                          float64
	logSamples, base, resume       bool
	compute                        string
	promptOptions
}

func newEvalCmd(e *env) *cobra.Command {
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval --model DIR --tasks NAMES --data TASK=FILE",
		Short: "Score a base model, with or without an adapter",
		Long: `Score a model on evaluation tasks as lm-evaluation-harness does, from data files.
With --adapter the base model is scored too, unless --base=false, and the two are
compared on the same documents. --config takes model, adapter and tasks from a
training configuration; flags win over it. With --output every answer is kept at
once, and --resume goes on after an interruption; an earlier evaluation's
results.json and samples in that folder are replaced when this one is done.

--apply-chat-template, --fewshot-as-multiturn and --system-instruction do what
they do in lm-evaluation-harness; its spelling of flags, with underscores, is
understood too. --tasks list shows the tasks with version, few-shot examples and
metrics: the harness's, and llm_adapters_... and metamath_gsm8k, which score as the
LoRA papers do.

A task may be a YAML file with lm-evaluation-harness's keys, which names its data or
gets them with --data (docs/evaluation.md, Your own tasks).` + exitStatus,
		Example: `  stablelora eval --model models/Qwen2-0.5B --tasks hellaswag --data hellaswag=hellaswag_val.jsonl --limit 200
  stablelora eval --model m --adapter runs/default --tasks gsm8k --data gsm8k=test.jsonl \
      --fewshot-data gsm8k=train.jsonl --num-fewshot 5 --output results --log-samples
  stablelora eval --config configs/quickstart.yaml --adapter runs/quickstart
  stablelora eval --model Llama-3.2-1B-Instruct --apply-chat-template --tasks gsm8k_cot_llama --data gsm8k_cot_llama=test.jsonl
  stablelora eval --tasks list`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if slices.Equal(o.tasks, []string{"list"}) {
				return listTasks(e)
			}
			specs, err := o.resolve(e, cmd)
			if err != nil {
				return err
			}
			ctx, stop := e.cancelOnSignal(cmd.Context())
			defer stop()
			return o.run(ctx, e, specs)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "training configuration to take model, adapter and tasks from")
	f.StringVar(&o.model, "model", "", "model folder")
	f.StringVar(&o.adapter, "adapter", "", "adapter folder")
	f.StringSliceVar(&o.tasks, "tasks", nil, "tasks or task files (.yaml), separated by commas; list: show them")
	f.StringArrayVar(&o.data, "data", nil, "TASK=FILE with the documents (repeatable)")
	f.StringArrayVar(&o.fewshotData, "fewshot-data", nil, "TASK=FILE that few-shot examples are drawn from (repeatable)")
	f.IntVar(&o.numFewshot, "num-fewshot", 0, "few-shot examples; without it the task's own number")
	f.Float64Var(&o.limit, "limit", 0, "documents per task, or a fraction below 1; 0: all")
	f.StringVar(&o.output, "output", "", "folder for results.json")
	f.BoolVar(&o.logSamples, "log-samples", false, "write samples_<task>.jsonl too")
	f.IntVar(&o.maxGenToks, "max-gen-toks", eval.DefaultMaxGenToks, "new tokens per generation at most; without it the task's own number where it has one")
	f.BoolVar(&o.resume, "resume", false, "go on where an evaluation into the same --output was stopped")
	computeFlag(f, &o.compute)
	o.addFlags(f)
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-")) // as the harness spells them
	})
	f.BoolVar(&o.base, "base", true, "with an adapter, score the base model too")
	return cmd
}

// resolve fills in what a configuration gives and returns the tasks.
func (o *evalOptions) resolve(e *env, cmd *cobra.Command) ([]eval.TaskSpec, error) {
	flags := cmd.Flags()
	var specs []eval.TaskSpec
	if o.config != "" {
		cfg, err := loadConfig(e, o.config, nil)
		if err != nil {
			return nil, err
		}
		if o.model == "" {
			o.model = cfg.Model.Path
		}
		if !flags.Changed("adapter") {
			if o.adapter = finishedRun(cfg); o.adapter == "" {
				o.untrained = cfg.Output.Dir
			}
		}
		if !flags.Changed("base") {
			o.base = cfg.Eval.Base
		}
		if !flags.Changed("compute") {
			o.compute = cfg.Model.Compute
		}
		specs, o.trained = taskSpecs(cfg), &cfg.Data
	}
	if flags.Changed("tasks") {
		specs = chosen(o.tasks, specs)
	}
	switch {
	case o.model == "":
		return nil, usagef("needs --model, or --config")
	case len(specs) == 0:
		return nil, usagef("needs --tasks, or a configuration with eval.tasks")
	case !(o.limit >= 0 && o.limit < 1e15) || o.limit > 1 && o.limit != math.Trunc(o.limit):
		return nil, usagef("--limit %v must be a number of documents, or a fraction below 1", o.limit)
	case o.numFewshot < 0:
		return nil, usagef("--num-fewshot %d must be 0 or above", o.numFewshot)
	case o.maxGenToks < 1:
		return nil, usagef("--max-gen-toks %d must be at least 1", o.maxGenToks)
	case o.logSamples && o.output == "":
		return nil, usagef("--log-samples needs --output")
	case o.resume && o.output == "":
		return nil, usagef("--resume needs --output")
	case o.output != "" && runfolder.Holds(o.output):
		return nil, usagef("--output %s is the folder of a training run, whose own results would be replaced; choose another, %s for example",
			o.output, filepath.Join(o.output, "eval"))
	}
	if !flags.Changed("max-gen-toks") {
		o.maxGenToks = 0 // the harness' default, which its results do not mention
	}
	if err := o.apply(e, specs, flags.Changed("num-fewshot")); err != nil {
		return nil, err
	}
	prompt, err := o.prompt(e, flags, o.model)
	for i := range specs {
		specs[i].Prompt = prompt
	}
	return specs, err
}

func (o *evalOptions) run(ctx context.Context, e *env, specs []eval.TaskSpec) error {
	started := time.Now()
	compute, err := parseCompute(o.compute)
	if err != nil {
		return err
	}
	questions, err := loadQuestions(specs)
	if err != nil {
		return err
	}
	for _, q := range questions {
		given := func(pair string) bool { return strings.HasPrefix(pair, q.Task.Name+"=") }
		if q.NumFewshot == 0 && slices.ContainsFunc(o.fewshotData, given) {
			e.warn("--fewshot-data of %s is not read: the task shows no examples; --num-fewshot says how many", q.Task.Name)
		}
	}
	var found []overlap.Found
	if o.trained != nil {
		if found, err = e.findOverlap(*o.trained, questions, nil); err != nil { // the data may be elsewhere
			e.note("the training records are not compared with the tasks: %v", err)
		}
	}
	engine, err := infer.Open(o.model, o.adapter)
	if err != nil {
		return err
	}
	defer engine.Close()
	engine.Model.SetCompute(compute)
	writes := func(q *eval.Questions) bool { return q.Task.Kind == task.Generate }
	if n := engine.MaxLength(); o.maxGenToks >= n && slices.ContainsFunc(questions, writes) {
		return usagef("--max-gen-toks %d leaves no room for a prompt: the model takes %d tokens in all", o.maxGenToks, n)
	}
	if o.untrained != "" {
		e.note("%s holds no adapter yet: scoring the base model alone", o.untrained)
	}
	kept, release, err := o.openOutput(engine.Model.Hash(), questions)
	if err != nil {
		return err
	}
	defer release()
	outcomes, err := answer(ctx, engine, questions, o.base, o.maxGenToks, kept, e.reporter(1))
	if err != nil && kept != nil {
		return orInterrupted(ctx, err, "the answers so far are kept, go on with --resume")
	} else if err != nil {
		return orInterrupted(ctx, err, "nothing was written")
	}
	info := eval.Info{Version: version, Model: o.model, Adapter: o.adapter, NumParameters: engine.Model.NumParameters(),
		Dtype: engine.Model.Embed.DType.String(), MaxLength: engine.MaxLength(), Limit: o.limit,
		MaxGenToks: o.maxGenToks, Overlap: found, Prompt: specs[0].Prompt, Started: started, Elapsed: time.Since(started)}
	if err := o.write(e, outcomes, info); err != nil {
		return err
	}
	if err := kept.Finish(); err != nil {
		return err
	}
	return e.printOutcomes(outcomes)
}

// finishedRun is the folder of a configuration's run where it holds an adapter.
func finishedRun(cfg *config.Config) string {
	if _, err := os.Stat(filepath.Join(cfg.Output.Dir, "adapter_config.json")); err == nil {
		return cfg.Output.Dir
	}
	return ""
}
