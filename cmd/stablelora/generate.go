package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/chat"
	"github.com/stablelora/stablelora/internal/infer"
)

// maxBeams bounds the memory of a beam search: each beam has a cache of its own.
const maxBeams = 64

type generateOptions struct {
	model, adapter, prompt string
	maxNew, beams          int
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
whole. The default is greedy: the most probable token each time. --num-beams keeps
that many texts under way and gives the one most probable per token. Generation
stops at an end-of-sequence token of generation_config.json.` + exitStatus,
		Example: `  stablelora generate --model models/Qwen2-0.5B --prompt "Once upon a time" --max-new-tokens 40
  stablelora generate --model models/Qwen2-0.5B --adapter runs/default --chat --prompt "Who are you?"
  stablelora generate --model m --num-beams 4 --prompt "Once upon a time"
  echo -n "Once upon a time" | stablelora generate --model m --temperature 0.8 --top-p 0.9 --seed 7`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			for _, name := range []string{"top-p", "top-k", "seed"} {
				if cmd.Flags().Changed(name) && o.sampling.Temperature == 0 {
					e.warn("--%s has no effect: without --temperature nothing is sampled", name)
				}
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
	f.IntVar(&o.beams, "num-beams", 1, "beam search with this many beams; 1: none")
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
	case o.beams < 1 || o.beams > maxBeams:
		return usagef("--num-beams %d must be from 1 to %d", o.beams, maxBeams)
	case o.beams > 1 && s.Temperature != 0:
		return usagef("--num-beams does not sample; leave --temperature at 0")
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
	if err := engine.CheckCaches(tokens, o.maxNew, o.beams); err != nil {
		return err
	}
	ctx, stop := e.cancelOnSignal(cmd.Context())
	defer stop()
	result := generated{}
	if o.beams == 1 {
		result.IDs, err = engine.Continue(ctx, tokens, o.maxNew, o.sampling.Sampler(), nil)
	} else {
		err = engine.BeamSearch(ctx, slices.Values([][]int32{tokens}), o.beams, o.maxNew, func(h infer.Hypothesis) error {
			result.IDs, result.Score = h.Tokens, &h.Score
			return nil
		})
	}
	if err != nil {
		return orInterrupted(ctx, err, "nothing was written")
	}
	result.Text, result.IDs = engine.Decode(result.IDs, true), append([]int32{}, result.IDs...)
	if e.json {
		return e.printJSON(result)
	}
	fmt.Fprintln(e.out, result.Text)
	return nil
}

type generated struct {
	Text  string   `json:"text"`
	IDs   []int32  `json:"ids"`
	Score *float64 `json:"score,omitempty"` // mean log-probability of a token; beam search only
}
