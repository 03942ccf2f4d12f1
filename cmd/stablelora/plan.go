package main

import (
	"context"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/bench"
	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/preset"
	"github.com/stablelora/stablelora/internal/sysinfo"
	"github.com/stablelora/stablelora/internal/tensor"
)

type planOptions struct {
	config, preset string
	sets           []string
	records        int
	supervised     float64
	gflops         float64
	memory         string
	hours          float64
	prices         cost.Prices
}

func newPlanCmd(e *env) *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan --config FILE | --preset NAME",
		Short: "Tell what a run would cost: memory, operations, time, money",
		Long: `Tell what a training run would cost before anything is started: parameters,
memory by part with and without recomputation, operations, time, energy and
money, and what to change where it does not fit. No weights are read: a model
folder needs its config.json only. The data is read and tokenized where it is at
hand; else, and with --preset, records of data.max_length tokens are assumed.

Time is from a few seconds of measuring this machine with the run's shape, or
from a rate given with --gflops, such as bench prints. Evaluations are not
counted.

Presets: ` + strings.Join(preset.Names(), ", ") + `.` + exitStatus,
		Example: `  stablelora plan --config run.yaml
  stablelora plan --config run.yaml --memory 16GB --hours 8
  stablelora plan --preset llama3.2-1b --set lora.r=16 --set train.max_steps=1000
  stablelora plan --preset qwen2-0.5b --gflops 160 --watts 120 --price-per-kwh 0.30 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			limits, err := o.check(cmd)
			if err != nil {
				return err
			}
			return runPlan(cmd.Context(), e, o, limits)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "configuration file (YAML)")
	f.StringVar(&o.preset, "preset", "", "shape of a known model, with the defaults of every key: "+strings.Join(preset.Names(), ", "))
	f.StringArrayVar(&o.sets, "set", nil, "key=value over the file's or the default value (repeatable)")
	f.IntVar(&o.records, "records", 1000, "records to assume where there is no data")
	f.Float64Var(&o.supervised, "supervised", 0.25, "fraction of their tokens that is learnt")
	f.Float64Var(&o.gflops, "gflops", 0, "GFLOP/s of a whole step, instead of measuring this machine")
	f.StringVar(&o.memory, "memory", "", "memory to keep to, e.g. 16GB (default: what this machine has available)")
	f.Float64Var(&o.hours, "hours", 0, "time to keep to")
	f.Float64Var(&o.prices.Watts, "watts", 0, "power this machine draws while it trains, for energy and its price")
	f.Float64Var(&o.prices.PerKWh, "price-per-kwh", 0, "price of a kilowatt-hour, in any currency; needs --watts")
	f.Float64Var(&o.prices.PerHour, "price-per-hour", 0, "price of an hour of this machine, in the same currency")
	return cmd
}

// check reports flags that are out of range or do not go together.
func (o *planOptions) check(cmd *cobra.Command) (l cost.Limits, err error) {
	switch {
	case (o.config == "") == (o.preset == ""):
		return l, usagef("needs --config or --preset, and not both")
	case o.records < 1:
		return l, usagef("--records %d must be at least 1", o.records)
	case !(o.supervised > 0 && o.supervised <= 1):
		return l, usagef("--supervised %v must be above 0 and at most 1", o.supervised)
	case cmd.Flags().Changed("price-per-kwh") && o.prices.Watts == 0:
		return l, usagef("--price-per-kwh needs --watts")
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"gflops", o.gflops}, {"hours", o.hours}, {"watts", o.prices.Watts}, {"price-per-kwh", o.prices.PerKWh}, {"price-per-hour", o.prices.PerHour}} {
		if cmd.Flags().Changed(f.name) && !(f.value > 0 && !math.IsInf(f.value, 0)) {
			return l, usagef("--%s %v must be above 0", f.name, f.value)
		}
	}
	l.Seconds = 3600 * o.hours
	if o.memory != "" {
		l.Bytes, err = parseBytes("--memory", o.memory)
	}
	return l, err
}

func runPlan(ctx context.Context, e *env, o planOptions, limits cost.Limits) error {
	ctx, stop := e.cancelOnSignal(ctx)
	defer stop()
	p := &plan{Model: o.preset, Kernel: blas.Kernel(), Threads: parallel.Threads(), Assumptions: []string{}, Advice: []cost.Change{}}
	cfg, job, err := p.describe(e, o)
	if err != nil {
		return err
	}
	compute, err := tensor.ParseCompute(cfg.Model.Compute)
	if err != nil {
		return err
	}
	survey := job.Survey()
	rates := cost.Uniform(1e9 * o.gflops)
	if o.gflops == 0 {
		e.note("measuring this machine")
		speed, err := bench.Sample(ctx, job.Config, job.Ranks, job.Typical(survey), compute)
		if err != nil {
			return orInterrupted(ctx, err, "nothing was written")
		}
		if speed.Busy() {
			e.warn("this machine was busy with something else: its peak was between %.0f and %.0f GFLOP/s; the time is too long for a quiet one", speed.LowestPeak, speed.PeakGFlops)
		}
		rates, p.Peak = speed.Rates, speed.PeakGFlops
	}
	if limits.Bytes == 0 {
		limits.Bytes = sysinfo.AvailableMemory()
	}
	p.estimate(job, survey, rates, limits, o.prices)
	p.Compute = compute.String()
	if len(cfg.Eval.Tasks) > 0 || len(cfg.Data.Eval) > 0 {
		p.Assumptions = append(p.Assumptions, "evaluations (eval.tasks, data.eval) are not counted in the time")
	}
	if e.json {
		return e.printJSON(p)
	}
	return printPlan(e.out, p, limits)
}
