package main

import (
	"context"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/infer"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/rng"
	"github.com/stablelora/stablelora/internal/tensor"
)

type mergeOptions struct {
	model, adapter, output, dtype string
	verify, overwrite             bool
}

func newMergeCmd(e *env) *cobra.Command {
	var o mergeOptions
	cmd := &cobra.Command{
		Use:   "merge --model DIR --adapter DIR --output DIR",
		Short: "Fold an adapter into the base weights",
		Long: `Write a complete model folder in which every adapted weight is W + s·B·A,
computed in float32 and rounded once. Shards and index stay as they are in the
base, tensors without an adapter are copied byte for byte.

The result is loaded and its logits compared with those of base and adapter:
three short passes, which --verify=false leaves out.` + exitStatus,
		Example: `  stablelora merge --model models/Qwen2-0.5B --adapter runs/default --output merged
  stablelora merge --model m --adapter a --output merged-f32 --dtype f32 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "model", "adapter", "output"); err != nil {
				return err
			}
			return runMerge(cmd.Context(), e, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "base model folder")
	f.StringVar(&o.adapter, "adapter", "", "adapter folder")
	f.StringVar(&o.output, "output", "", "folder to write")
	f.StringVar(&o.dtype, "dtype", "auto", "format of the weights: auto (the base's), f32, bf16, f16")
	f.BoolVar(&o.verify, "verify", true, "compare the logits of the result with base and adapter")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace a folder that is not empty")
	return cmd
}

func runMerge(ctx context.Context, e *env, o mergeOptions) error {
	var to *dtype.DType // nil: as the base
	formats := map[string]dtype.DType{"f32": dtype.F32, "bf16": dtype.BF16, "f16": dtype.F16}
	if d, ok := formats[o.dtype]; ok {
		to = &d
	} else if o.dtype != "auto" {
		return usagef("--dtype %q is not one of auto, f32, bf16, f16", o.dtype)
	}
	if err := peft.CheckOutput(o.output, o.overwrite, o.model, o.adapter); err != nil {
		return usageError{err}
	}
	ctx, stop := e.cancelOnSignal(ctx)
	defer stop()
	if o.verify {
		if err := infer.CheckMemory(o.model, o.adapter, "give --verify=false, which takes tensors one by one"); err != nil {
			return err
		}
	}
	base, err := model.Load(o.model)
	if err != nil {
		return err
	}
	defer base.Close()
	adapter, err := peft.Load(o.adapter, peft.Modules(base))
	if err != nil {
		return err
	}
	var v *verification
	if o.verify { // before anything is written
		if v, err = newVerification(base, adapter); err != nil {
			return err
		}
	}
	report, err := peft.Merge(ctx, base.Weights(), adapter, o.output, to, o.overwrite)
	if err != nil {
		return orInterrupted(ctx, err, "nothing was written")
	}
	lost := float64(report.Lost) / float64(max(1, report.Elements))
	e.note("%d tensors merged; %.2f %% of their elements did not change in rounding", report.Tensors, 100*lost)
	result := struct {
		OutputDir string   `json:"output_dir"`
		Merged    int      `json:"tensors_merged"`
		MaxDiff   *float64 `json:"max_abs_logit_difference"`
		BaseDiff  *float64 `json:"base_max_abs_logit_difference,omitempty"`
		Lost      float64  `json:"unchanged_share"`
	}{OutputDir: o.output, Merged: report.Tensors, Lost: lost}
	if o.verify {
		diff, err := v.difference(o.output)
		if err != nil {
			return err
		}
		result.MaxDiff, result.BaseDiff = &diff, &v.base
		if diff >= v.base {
			e.warn("the merged model is no nearer to the adapted one (%.3g) than the base is (%.3g): rounding has swallowed the adapter; try --dtype f32", diff, v.base)
		}
	}
	if e.json {
		return e.printJSON(result)
	}
	fmt.Fprintf(e.out, "merged %d tensors into %s\n", result.Merged, result.OutputDir)
	if o.verify {
		fmt.Fprintf(e.out, "largest logit difference to base and adapter %.3g (of the base alone %.3g)\n", *result.MaxDiff, *result.BaseDiff)
	}
	return nil
}

// verification is what a merged model is compared with.
type verification struct {
	batch   *model.Batch
	adapted tensor.Matrix // logits of base with adapter
	base    float64       // largest difference of the base's logits from these
}

// newVerification leaves the adapter attached.
func newVerification(base *model.Decoder, adapter *peft.Adapter) (*verification, error) {
	v := &verification{batch: verificationBatch(base.Config)}
	plain := copyOf(base.Logits(v.batch))
	adapter.Attach(base)
	v.adapted = copyOf(base.Logits(v.batch))
	v.base = maxDifference(plain, v.adapted)
	if math.IsNaN(v.base) || math.IsInf(v.base, 0) {
		return nil, fmt.Errorf("adapter %s: %w", adapter.Dir, infer.ErrNotFinite)
	}
	return v, nil
}

// difference returns the largest difference of a merged folder's logits.
func (v *verification) difference(merged string) (float64, error) {
	m, err := model.Load(merged)
	if err != nil {
		return 0, fmt.Errorf("the merged model does not load: %w", err)
	}
	defer m.Close()
	diff := maxDifference(m.Logits(v.batch), v.adapted)
	if math.IsNaN(diff) || math.IsInf(diff, 0) {
		return 0, fmt.Errorf("the merged model in %s is not usable: %w", merged, infer.ErrNotFinite)
	}
	return diff, nil
}

// verificationBatch is two sequences of fixed pseudo-random tokens; the logits of
// their last positions are wanted.
func verificationBatch(c *model.Config) *model.Batch {
	const rows = 8
	length := min(48, c.MaxPositions)
	b := &model.Batch{Pass: nn.Pass{Starts: []int{0, length, 2 * length}}}
	s := rng.New(0, "verify merge")
	for i := range 2 * length {
		b.Tokens = append(b.Tokens, int32(s.IntN(c.VocabSize)))
		if i%length >= length-rows {
			b.Rows = append(b.Rows, i)
		}
	}
	return b
}

func copyOf(m tensor.Matrix) tensor.Matrix {
	c := tensor.New(m.Rows, m.Cols)
	c.CopyFrom(m)
	return c
}

func maxDifference(a, b tensor.Matrix) float64 {
	worst := 0.0
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			if d := math.Abs(float64(v) - float64(b.Row(i)[j])); d > worst || d != d {
				worst = d
			}
		}
	}
	return worst
}
