package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/report"
	"github.com/stablelora/stablelora/internal/runfolder"
	"github.com/stablelora/stablelora/internal/sweep"
	"github.com/stablelora/stablelora/internal/train"
)

type reportOptions struct{ output, tensorboard string }

func newReportCmd(e *env) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report RUN...",
		Short: "Show one or more runs as a page of pictures and tables",
		Long: `Make one self-contained HTML page of one or more runs: loss, learning rate and
gradient norm, the norms of A and B by layer, when shrinking stopped, the three
terms of the update, accuracies with intervals, and of several runs what differs
between them. The folder of a sweep stands for all of its runs. A run that is
still going, or was stopped, is shown as far as it is.

Without --output the page of one folder goes into that folder. --tensorboard
writes the same series as TensorBoard's event files, a folder for each run.` + exitStatus,
		Example: `  stablelora report runs/quickstart
  stablelora report runs/adamw runs/stable --output comparison.html
  stablelora report runs/sweep --tensorboard events && tensorboard --logdir events`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("needs at least one argument, the folder of a run or of a sweep")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return runReport(e, args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.output, "output", "", "the page to write, FILE.html (default for one folder: report.html in it)")
	f.StringVar(&o.tensorboard, "tensorboard", "", "folder for TensorBoard's event files too")
	return cmd
}

func runReport(e *env, dirs []string, o reportOptions) error {
	switch {
	case o.output == "" && len(dirs) > 1:
		return usagef("needs --output FILE.html for more than one folder")
	case o.output == "":
		o.output = filepath.Join(dirs[0], train.ReportFile)
	case !strings.EqualFold(filepath.Ext(o.output), ".html"):
		return usagef("--output %s must end in .html", o.output)
	}
	runs, waiting, err := runfolder.Open(dirs)
	if err != nil {
		return err
	}
	if err := fsutil.MkdirAll(filepath.Dir(o.output)); err != nil {
		return err
	}
	if err := writeReport(o.output, runs, waiting); err != nil {
		return err
	}
	if o.tensorboard != "" {
		if err := writeEvents(o.tensorboard, runs); err != nil {
			return err
		}
	}
	for _, r := range runs {
		if !r.Finished() {
			e.warn("%s is %s", r.Dir, r.Status())
		}
	}
	if waiting > 0 {
		e.warn("runs of the sweep that have not begun, or left no steps: %d", waiting)
	}
	if e.json {
		return e.printJSON(reportDocument(o, runs, waiting))
	}
	fmt.Fprintf(e.out, "%d %s in %s\n", len(runs), plural(len(runs), "run", "runs"), o.output)
	if o.tensorboard != "" {
		fmt.Fprintf(e.out, "event files in %s; look at them with tensorboard --logdir\n", o.tensorboard)
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func writeReport(path string, runs []*runfolder.Run, waiting int) error {
	page, err := report.Page(runs, report.Options{Version: version, Waiting: waiting})
	if err != nil {
		return err
	}
	return fsutil.WriteFile(path, page)
}

// eventFile has a name that TensorBoard takes for an event file.
const eventFile = "events.out.tfevents.0.stablelora"

// writeEvents writes a folder for each run, named as the run's own; a name that
// is there already gets a number.
func writeEvents(dir string, runs []*runfolder.Run) error {
	taken := map[string]bool{}
	for _, r := range runs {
		abs, err := filepath.Abs(r.Dir)
		if err != nil {
			return err
		}
		name := filepath.Base(abs)
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", filepath.Base(abs), n)
		}
		taken[name] = true
		folder := filepath.Join(dir, name)
		if err := fsutil.MkdirAll(folder); err != nil {
			return err
		}
		err = fsutil.WriteTo(filepath.Join(folder, eventFile), func(w io.Writer) error { return report.WriteEvents(w, r) })
		if err != nil {
			return err
		}
	}
	return nil
}

// reportedRun is a run in the document of --json.
type reportedRun struct {
	Folder   string `json:"folder"`
	Finished bool   `json:"finished"`
	Status   string `json:"status"`
	Steps    int    `json:"steps"`
}

func reportDocument(o reportOptions, runs []*runfolder.Run, waiting int) any {
	doc := struct {
		Output      string        `json:"output"`
		TensorBoard string        `json:"tensorboard,omitempty"`
		Runs        []reportedRun `json:"runs"`
		Waiting     int           `json:"waiting"` // runs of a sweep that have not begun
	}{o.output, o.tensorboard, nil, waiting}
	for _, r := range runs {
		doc.Runs = append(doc.Runs, reportedRun{r.Dir, r.Finished(), r.Status(), r.Steps.Last()})
	}
	return doc
}

// ownReport writes the page of a run that train has ended, finished or not. The
// run does not depend on it: what goes wrong is a warning.
func (e *env) ownReport(dir string) {
	r, err := runfolder.Read(dir)
	if err == nil {
		err = writeReport(filepath.Join(dir, train.ReportFile), []*runfolder.Run{r}, 0)
	}
	if err != nil {
		e.warn("%s of the run could not be written: %v", train.ReportFile, err)
	}
}

// sweepReports writes the pages of a sweep's runs and of the sweep.
func (e *env) sweepReports(s *sweep.Report) {
	for _, r := range s.Runs {
		e.ownReport(filepath.Join(s.OutputDir, r.Folder))
	}
	runs, waiting, err := runfolder.Open([]string{s.OutputDir})
	if err == nil {
		err = writeReport(filepath.Join(s.OutputDir, train.ReportFile), runs, waiting)
	}
	if err != nil {
		e.warn("%s of the sweep could not be written: %v", train.ReportFile, err)
	}
}
