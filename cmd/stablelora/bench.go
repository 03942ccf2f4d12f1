package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/bench"
	"github.com/stablelora/stablelora/internal/preset"
)

type benchOptions struct {
	preset        string
	tokens, steps int
	supervised    float64
	compute       string
}

func newBenchCmd(e *env) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench --preset NAME",
		Short: "Measure how fast this machine trains and generates",
		Long: `Measure training and inference speed on random weights of a known model's
shape; no files are needed. A step is one sequence with LoRA of rank 8 on q_proj
and v_proj and the Stable-LoRA optimizer. Operations are counted where they are
needed, and set beside the multiply-adds that this machine can do at most.

Presets: ` + strings.Join(preset.Names(), ", ") + `.` + exitStatus,
		Example: `  stablelora bench --preset qwen2-0.5b
  stablelora bench --preset llama3.2-1b --tokens 1024 --supervised 1 --steps 5 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "preset"); err != nil {
				return err
			}
			return runBench(cmd.Context(), e, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.preset, "preset", "", "shape: "+strings.Join(preset.Names(), ", "))
	f.IntVar(&o.tokens, "tokens", 512, "tokens of the one sequence of a step")
	f.Float64Var(&o.supervised, "supervised", 0.25, "fraction of the tokens that is learnt, the last ones")
	f.IntVar(&o.steps, "steps", 3, "timed steps, after one that is not")
	computeFlag(f, &o.compute)
	return cmd
}

func runBench(ctx context.Context, e *env, o benchOptions) error {
	c, ok := preset.Config(o.preset)
	switch {
	case !ok:
		return unknownPreset(o.preset)
	case o.tokens < 2 || o.tokens > c.MaxPositions:
		return usagef("--tokens %d must be between 2 and %d", o.tokens, c.MaxPositions)
	case !(o.supervised > 0 && o.supervised <= 1):
		return usagef("--supervised %v must be above 0 and at most 1", o.supervised)
	case o.steps < 1:
		return usagef("--steps %d must be at least 1", o.steps)
	}
	compute, err := parseCompute(o.compute)
	if err != nil {
		return err
	}
	ctx, stop := e.cancelOnSignal(ctx)
	defer stop()
	r, err := bench.Run(ctx, bench.Options{Name: o.preset, Config: c, Tokens: o.tokens, Supervised: o.supervised,
		Steps: o.steps, Compute: compute, Message: func(text string) { e.note("%s", text) }})
	if err != nil {
		return orInterrupted(ctx, err, "nothing was written")
	}
	if r.Busy() {
		e.warn("this machine was busy with something else: its peak was between %.0f and %.0f GFLOP/s; the figures are too low", r.LowestPeak, r.PeakGFlops)
	}
	if e.json {
		return e.printJSON(r)
	}
	return printBench(e, r)
}

func printBench(e *env, r *bench.Result) error {
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "preset\t%s, compute %s, kernel %s, %d threads\n", r.Preset, r.Compute, r.Kernel, r.Threads)
	fmt.Fprintf(w, "step\t%d tokens, %d of them supervised: %.2f s, %.1f tokens/s (median of %d)\n",
		r.Tokens, r.SupervisedTokens, r.StepSeconds, r.TokensPerSecond, r.Steps)
	fmt.Fprintf(w, "speed\t%.1f GFLOP/s of needed work, %.2f of the peak of %.1f\n", r.GFlops, r.FractionOfPeak, r.PeakGFlops)
	fmt.Fprintf(w, "prompt\t%.1f tokens/s\n", r.PromptSpeed)
	fmt.Fprintf(w, "decode\t%.1f tokens/s, %.1f GB/s of weights; this machine reads %.1f GB/s\n", r.DecodeSpeed, r.DecodeRead/1e9, r.ReadSpeed/1e9)
	fmt.Fprintf(w, "batch\t%.1f tokens/s decoding %d sequences at a time\n", r.BatchSpeed, r.BatchSequences)
	memory := ""
	if r.Recompute {
		memory = ", with activations computed again in the backward pass"
	}
	fmt.Fprintf(w, "memory\t%.2f GB at its peak%s\n", float64(r.PeakRSS)/1e9, memory)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(e.out, "\nwhere a step's time goes")
	for _, p := range r.Parts {
		fmt.Fprintf(w, "  %s\t%7.3f s\t%5.1f %%", p.Name, p.Seconds, 100*p.Seconds/r.StepSeconds)
		if p.GFlops > 0 {
			fmt.Fprintf(w, "\t%6.1f GFLOP/s", p.GFlops)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func unknownPreset(name string) error {
	return usagef("unknown preset %q%s (there are %s)", name, didYouMean("", name, preset.Names()), strings.Join(preset.Names(), ", "))
}
