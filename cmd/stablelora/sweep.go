package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/sweep"
)

func newSweepCmd(e *env) *cobra.Command {
	var o sweep.Options
	cmd := &cobra.Command{
		Use:   "sweep --config FILE --output DIR",
		Short: "Train a grid of configurations and seeds and compare them",
		Long: `Train every combination of the grid's values with every seed, one run after the
other on one base model, and compare them: mean and standard deviation over
seeds, the best setting of each method, paired tests on the same held-out items.

Values are YAML. Commas inside of brackets, braces and quotes belong to a value:
--grid 'lora.target_modules=[q_proj,v_proj],all-linear' has two.

DIR gets a folder for each run, as train writes it, and sweep.csv with a row for
each run that is done. --resume skips these, goes on with one that was broken
off, and takes more values and seeds than before, but not fewer. A run that
diverges or learns nothing is recorded, and the sweep goes on; where no run was
finished it ends with 4 if one diverged, else with 1.` + exitStatus,
		Example: `  stablelora sweep --config run.yaml --output runs/sweep --seeds 1,2,3 \
      --grid optimizer.name=adamw,stable_lora --grid train.learning_rate=1e-4,3e-4,1e-3
  stablelora sweep --config demo/sweep.yaml --output runs/demo --seeds 1,2,3 \
      --grid optimizer.name=adamw,stable_lora --grid train.learning_rate=1e-3,2e-3,5e-3,1e-2,2e-2
  stablelora sweep --config run.yaml --output runs/sweep --seeds 1,2,3 --grid lora.r=4,8 --resume`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "config", "output"); err != nil {
				return err
			}
			if len(o.Grid) == 0 && o.Seeds == "" {
				return usagef("needs --grid or --seeds: what shall differ between the runs?")
			}
			return runSweep(cmd.Context(), e, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Config, "config", "", "configuration file (YAML)")
	f.StringArrayVar(&o.Sets, "set", nil, "key=value over the file's value, for all runs (repeatable)")
	f.StringArrayVar(&o.Grid, "grid", nil, "key=value,value to go through (repeatable)")
	f.StringVar(&o.Seeds, "seeds", "", "seeds of each combination, e.g. 1,2,3 (default: train.seed)")
	f.StringVar(&o.Dir, "output", "", "folder of the sweep")
	f.BoolVar(&o.Resume, "resume", false, "go on with a sweep that was stopped")
	return cmd
}

func runSweep(ctx context.Context, e *env, o sweep.Options) error {
	ctx, stop := e.cancelOnSignal(ctx)
	defer stop()
	o.Version, o.Command, o.Reporter = version, commandLine, e.reporter
	report, err := sweep.Run(ctx, o)
	if err != nil {
		return err
	}
	e.sweepReports(report)
	if e.json {
		err = e.printJSON(report)
	} else if err = report.Write(e.out); err == nil {
		_, err = fmt.Fprintf(e.out, "%d runs finished, %d failed; table in %s\n", report.Finished, report.Failed, filepath.Join(o.Dir, sweep.CSVFile))
	}
	return cmp.Or(err, report.Verdict())
}
