package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/stability"
	"github.com/stablelora/stablelora/internal/sysinfo"
	"github.com/stablelora/stablelora/internal/train"
)

type trainOptions struct {
	config, output, resume string
	sets                   []string
	overwrite, dryRun      bool
}

func newTrainCmd(e *env) *cobra.Command {
	var o trainOptions
	cmd := &cobra.Command{
		Use:   "train --config FILE",
		Short: "Fine-tune a model; writes the adapter, metrics and accuracies",
		Long: `Fine-tune a model as a YAML configuration says. The run's folder (output.dir)
gets the adapter as PEFT writes it, every setting used, one line of metrics for
each step, and the accuracies before and after.

The first SIGINT, SIGTERM or SIGHUP finishes the step, saves a checkpoint and
ends with 130, 143 or 129; a second one ends at once. --resume auto goes on from
the newest checkpoint and gives the same adapter, byte for byte, as a run never
stopped.` + exitStatus,
		Example: `  stablelora train --config configs/quickstart.yaml
  stablelora train --config run.yaml --set train.learning_rate=2e-4 --set lora.r=16 --output runs/r16
  stablelora train --config run.yaml --resume auto
  stablelora train --config run.yaml --dry-run`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "config"); err != nil {
				return err
			}
			return runTrain(cmd.Context(), e, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "configuration file (YAML)")
	f.StringArrayVar(&o.sets, "set", nil, "key=value over the file's value, e.g. train.seed=1 (repeatable)")
	f.StringVar(&o.output, "output", "", "folder of the run, over output.dir")
	f.StringVar(&o.resume, "resume", "", "auto: go on from the newest checkpoint, if any; or a checkpoint folder")
	f.BoolVar(&o.overwrite, "overwrite", false, "start anew in a folder that holds a run")
	f.BoolVar(&o.dryRun, "dry-run", false, "check configuration, model and data, print counts, write nothing")
	return cmd
}

func runTrain(ctx context.Context, e *env, o trainOptions) error {
	cfg, err := loadConfig(e, o.config, o.sets)
	if err != nil {
		return err
	}
	if o.output != "" {
		cfg.Output.Dir = o.output
	}
	if o.resume != "" && o.overwrite {
		return usagef("--resume and --overwrite exclude each other")
	}
	reporter := e.reporter(cfg.Log.Every)
	if !o.dryRun {
		if err := train.CheckFolder(cfg.Output.Dir, o.resume, o.overwrite); err != nil {
			return err
		}
	}
	questions, err := loadQuestions(taskSpecs(cfg)) // before hours of training
	if err != nil {
		return err
	}
	found, err := e.findOverlap(cfg.Data, questions, cfg.Data.Eval)
	if err != nil {
		return err
	}
	if o.dryRun {
		return dryRun(e, cfg, reporter)
	}
	ctx, stop := e.cancelOnSignal(ctx)
	defer stop()
	result, err := train.Run(ctx, train.Options{
		Config: cfg, Resume: o.resume, Overwrite: o.overwrite, Version: version,
		Command: commandLine(os.Args[1:]), Reporter: reporter, Overlap: found,
		Evaluate: runEvaluation(e, cfg, questions, reporter),
	})
	if interrupted := (*train.InterruptedError)(nil); err == nil || errors.As(err, &interrupted) || exitCode(err) == 4 {
		e.ownReport(cfg.Output.Dir)
	}
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(struct {
			OutputDir string            `json:"output_dir"`
			Steps     int               `json:"steps"`
			Tokens    int               `json:"tokens"`
			FinalLoss float64           `json:"final_loss"`
			Elapsed   float64           `json:"elapsed_seconds"`
			PeakRSS   uint64            `json:"peak_rss_bytes"`
			Stability stability.Outcome `json:"stability"`
		}{result.OutputDir, result.Steps, result.Tokens, result.FinalLoss, result.Elapsed, sysinfo.PeakRSS(), result.Stability})
	}
	fmt.Fprintf(e.out, "trained %d steps, %d tokens in %.1f s; final loss %.4f; peak memory %.2f GB; adapter in %s\n",
		result.Steps, result.Tokens, result.Elapsed, result.FinalLoss, float64(sysinfo.PeakRSS())/1e9, result.OutputDir)
	return nil
}

// commandLine writes the command so that a shell takes it.
func commandLine(args []string) string {
	line := "stablelora"
	for _, arg := range args {
		if arg == "" || strings.ContainsFunc(arg, func(r rune) bool {
			return !(r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-+=:,./@%", r))
		}) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		line += " " + arg
	}
	return line
}

// loadConfig loads a configuration and prints its warnings.
func loadConfig(e *env, path string, sets []string) (*config.Config, error) {
	cfg, err := config.Load(path, sets)
	if err != nil {
		return nil, err
	}
	for _, w := range cfg.Warnings() {
		e.warn("%s", w)
	}
	return cfg, nil
}

func (e *env) reporter(every int) metrics.Reporter {
	f, ok := e.err.(*os.File)
	return metrics.NewReporter(e.err, ok && metrics.IsTerminal(f), e.quiet, every)
}

func dryRun(e *env, cfg *config.Config, r metrics.Reporter) error {
	p, err := train.DryRun(cfg, r)
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(p)
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "records\t%d (held out %d)\n", p.Records, p.HeldOutRecords)
	fmt.Fprintf(w, "tokens per epoch\t%d, supervised %d, longest example %d\n", p.TokensPerEpoch, p.SupervisedPerEpoch, p.LongestExample)
	fmt.Fprintf(w, "steps\t%d, %d per epoch, warm-up %d\n", p.Steps, p.StepsPerEpoch, p.WarmupSteps)
	fmt.Fprintf(w, "adapted modules\t%d, %d trainable parameters, scale %g\n", len(p.AdaptedModules), p.TrainableParameters, p.Scale)
	fmt.Fprintf(w, "memory\tabout %.2f GB for activations, %.2f GB for the adapter, and the weights\n", float64(p.ActivationBytes)/1e9, float64(p.AdapterBytes)/1e9)
	fmt.Fprintf(w, "first example\t%q (supervised in «»)\n", p.Example)
	fmt.Fprintln(w, "nothing was written")
	return w.Flush()
}

// cancelOnSignal cancels the context, with the signal as its cause, at the first
// SIGINT, SIGTERM or, unless nohup has it ignored, SIGHUP, and ends the process at
// the second. A terminal or pipe that is gone does not end it: what is said there
// is lost.
func (e *env) cancelOnSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Ignore(syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-signals:
			fmt.Fprintf(e.err, "\n%s: ending after what is being computed; once more ends at once\n", s)
			cancel(train.SignalError{Signal: s})
		case <-done:
			return
		}
		select {
		case s := <-signals:
			os.Exit((&train.InterruptedError{Signal: s}).ExitCode())
		case <-done:
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); cancel(nil) }
}
