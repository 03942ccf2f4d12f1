package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/chat"
	"github.com/stablelora/stablelora/internal/infer"
)

type generateOptions struct {
	model, adapter, prompt string
	maxNew                 int
	sampling               infer.Sampling
	chat                   bool
	compute                string
}

func newGenerateCmd(e *env) *cobra.Command {
	var o generateOptions
	cmd := &cobra.Command{
		Use:   "generate --model DIR",
		Short: "Continue a prompt",
		Long: `Continue a prompt, given with --prompt or on standard input, which is taken
whole. The default is greedy: the most probable token each time. Generation
stops at an end-of-sequence token of generation_config.json.` + exitStatus,
		Example: `  stablelora generate --model models/Qwen2-0.5B --prompt "Once upon a time" --max-new-tokens 40
  stablelora generate --model models/Qwen2-0.5B --adapter runs/default --chat --prompt "Who are you?"
  echo -n "Once upon a time" | stablelora generate --model m --temperature 0.8 --top-p 0.9 --seed 7`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			var given []string
			if cmd.Flags().Changed("prompt") {
				given = []string{o.prompt}
			}
			var err error
			if o.prompt, err = textOrInput(e, given); err != nil {
				return err
			}
			return runGenerate(cmd, e, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "model folder")
	f.StringVar(&o.adapter, "adapter", "", "adapter folder")
	f.StringVar(&o.prompt, "prompt", "", "text to continue; without it standard input")
	f.IntVar(&o.maxNew, "max-new-tokens", 128, "at most this many new tokens")
	f.Float64Var(&o.sampling.Temperature, "temperature", 0, "0: greedy; above 0: sample, with logits divided by it")
	f.Float64Var(&o.sampling.TopP, "top-p", 1, "sample from the smallest set with this probability")
	f.IntVar(&o.sampling.TopK, "top-k", 0, "sample from the K most probable tokens; 0: all")
	f.Uint64Var(&o.sampling.Seed, "seed", 42, "seed of the sampling")
	computeFlag(f, &o.compute)
	f.BoolVar(&o.chat, "chat", false, "put the prompt into the checkpoint's chat template")
	return cmd
}

func (o *generateOptions) check(cmd *cobra.Command) error {
	s := o.sampling
	switch {
	case o.maxNew < 1:
		return usagef("--max-new-tokens %d must be at least 1", o.maxNew)
	case !(s.Temperature >= 0) || s.Temperature > 1e6:
		return usagef("--temperature %v must be 0 or above", s.Temperature)
	case !(s.TopP > 0 && s.TopP <= 1):
		return usagef("--top-p %v must be above 0 and at most 1", s.TopP)
	case s.TopK < 0:
		return usagef("--top-k %d must be 0 or above", s.TopK)
	}
	return required(cmd, "model")
}

func runGenerate(cmd *cobra.Command, e *env, o generateOptions) error {
	compute, err := parseCompute(o.compute)
	if err != nil {
		return err
	}
	prompt, special := o.prompt, true
	if o.chat {
		template, err := chat.Load(o.model)
		if err != nil {
			return err
		}
		if prompt, err = template.Render([]chat.Message{{Role: "user", Content: prompt}}, true); err != nil {
			return err
		}
		special = false // the template writes its own
	}
	engine, err := infer.Open(o.model, o.adapter)
	if err != nil {
		return err
	}
	defer engine.Close()
	engine.Model.SetCompute(compute)
	tokens := engine.Encode(prompt, special)
	if len(tokens) == 0 {
		tokens = []int32{engine.PrefixToken()}
	}
	if n := len(tokens) + o.maxNew; n > engine.MaxLength() {
		e.warn("prompt and new tokens may reach %d tokens; the model was made for %d", n, engine.MaxLength())
	}
	ctx, stop := e.cancelOnSignal(cmd.Context())
	defer stop()
	ids, err := engine.Continue(ctx, tokens, o.maxNew, o.sampling.Sampler(), nil)
	if err != nil {
		return orInterrupted(ctx, err, "nothing was written")
	}
	text := engine.Decode(ids, true)
	if e.json {
		return e.printJSON(struct {
			Text string  `json:"text"`
			IDs  []int32 `json:"ids"`
		}{text, append([]int32{}, ids...)})
	}
	fmt.Fprintln(e.out, text)
	return nil
}
