package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/infer"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/train"
)

// Options says what to go through.
type Options struct {
	Config  string   // file
	Sets    []string // key=value over it
	Grid    []string // key=v1,v2 over both
	Seeds   string   // 1,2,3; "": the configuration's own
	Dir     string
	Resume  bool
	Version string
	// Command writes a command line of the program, as the model card shows it.
	Command  func(args []string) string
	Reporter func(every int) metrics.Reporter
}

// sweeper is a sweep whose plan is made.
type sweeper struct {
	Options
	runs      []planned
	report    *Report
	shared    train.Shared
	evaluator evaluator
	said      map[string]bool // before they start
}

// Run trains every run that is not done yet and compares them all. Configuration
// mistakes of any run end it before the first has begun. A run that diverges or
// learns nothing is recorded; any other error, and a signal (an *InterruptedError), ends the sweep
// with everything saved.
func Run(ctx context.Context, o Options) (*Report, error) {
	s := &sweeper{Options: o, said: map[string]bool{}}
	defer s.shared.Close()
	runs, warnings, err := plan(o)
	if err != nil {
		return nil, err
	}
	s.runs = runs
	if err := s.begin(); err != nil {
		return nil, err
	}
	r := s.Reporter(1)
	for _, w := range warnings {
		r.Warn(w)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	release, err := fsutil.Claim(o.Dir)
	if err != nil {
		return nil, usagef("--output: %w", err)
	}
	defer release()
	if err := s.report.save(o.Dir); err != nil {
		return nil, err
	}
	if err := s.evaluator.open(o.Dir, runs); err != nil {
		return nil, err
	}
	defer s.evaluator.base.Close()
	for i := range runs {
		if err := s.run(ctx, i); err != nil {
			return nil, s.stopped(ctx, err)
		}
	}
	s.report.compare()
	return s.report, s.report.save(o.Dir)
}

// begin makes the report of runs that are all pending, or with --resume takes
// over what an earlier sweep has left.
func (s *sweeper) begin() error {
	g, _ := ParseGrid(s.Grid, s.Seeds) // plan has seen to its problems
	s.report = &Report{OutputDir: s.Dir, Version: s.Version, Keys: g.keys()}
	for _, p := range s.runs {
		s.report.Runs = append(s.report.Runs, newRecord(g, p))
	}
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return usagef("--output: %w", err)
	}
	if !s.Resume {
		return usagef("--output %s is not empty; go on with --resume, or choose another folder", s.Dir)
	}
	old, err := readState(s.Dir)
	if err != nil {
		return err
	}
	if old == nil {
		return usagef("--resume: %s holds no sweep (%s is missing); choose another folder", s.Dir, StateFile)
	}
	return s.takeOver(old.Runs)
}

// takeOver matches the runs of an earlier sweep: there may be more now, but none
// less, and none of other settings.
func (s *sweeper) takeOver(old []Record) error {
	byFolder := map[string]*Record{}
	for i := range s.report.Runs {
		byFolder[s.report.Runs[i].Folder] = &s.report.Runs[i]
	}
	for _, was := range old {
		now := byFolder[was.Folder]
		if now == nil {
			return usagef("--resume: the sweep in %s also has the run %s; give the grid and seeds that it was begun with, or more, or choose another folder", s.Dir, was.Folder)
		}
		if now.Settings != was.Settings {
			return usagef("--resume: the run %s in %s was planned with other settings%s; restore them, or choose another folder",
				was.Folder, s.Dir, s.changed(was.Folder))
		}
		was.Cell, was.Values, was.Seed = now.Cell, now.Values, now.Seed
		if was.failed() || was.Status == Finished && was.reopen(filepath.Join(s.Dir, was.Folder)) {
			*now = was
		}
	}
	return nil
}

// changed names the settings that differ from those a run was begun with.
func (s *sweeper) changed(folder string) string {
	old, err := config.Load(filepath.Join(s.Dir, folder, "config.resolved.yaml"), nil)
	if err != nil {
		return ""
	}
	for _, p := range s.runs {
		if d := config.Diff(old, p.cfg); p.folder == folder && len(d) > 0 {
			return fmt.Sprintf(" (%s)", d[0])
		}
	}
	return ""
}

// check finds what no run could start with: all usage mistakes at once, the first
// broken file, too little memory.
func (s *sweeper) check() error {
	var problems []string
	for i, p := range s.runs {
		if i > 0 && p.cell == s.runs[i-1].cell {
			continue // another seed
		}
		_, err := s.evaluator.load(p.cfg)
		if err == nil {
			err = train.Check(train.Options{Config: p.cfg, Reporter: silent{}, Shared: &s.shared})
		}
		var usage *train.UsageError
		var conf *config.Error
		switch {
		case errors.As(err, &usage), errors.As(err, &conf):
			problems = appendNew(problems, err.Error())
		case err != nil && len(s.runs) > 1:
			return fmt.Errorf("run %s: %w", p.folder, err)
		case err != nil:
			return err
		}
	}
	if len(problems) > 0 {
		return &config.Error{Problems: firstFew(problems)}
	}
	return nil
}

// run trains run number i, unless it is done, and saves what became of it.
func (s *sweeper) run(ctx context.Context, i int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p, record := s.runs[i], &s.report.Runs[i]
	r := &once{Reporter: s.Reporter(p.cfg.Log.Every), said: s.said}
	r.Reporter.Message(fmt.Sprintf("run %d/%d: %s", i+1, len(s.runs), p.folder))
	if record.failed() {
		r.Reporter.Message("it has " + record.Status + "; nothing to do")
		return nil
	}
	evaluate, err := s.evaluator.of(p.cfg, r)
	if err != nil {
		return err
	}
	result, err := train.Run(ctx, train.Options{Config: p.cfg, Resume: "auto", Version: s.Version,
		Command: s.command(p), Reporter: r, Evaluate: evaluate, Shared: &s.shared})
	dir := p.cfg.Output.Dir
	var diverged *train.DivergedError
	var broken *eval.NotFiniteError
	switch {
	case errors.As(err, &diverged), errors.As(err, &broken), errors.Is(err, infer.ErrNotFinite):
		r.Warn(fmt.Sprintf("%s: %v", p.folder, err))
		err = record.fail(Diverged, dir, err)
	case errors.Is(err, train.ErrNothingLearnt):
		r.Warn(fmt.Sprintf("%s: %v", p.folder, err))
		err = record.fail(LearntNothing, dir, err)
	case err == nil:
		err = record.finish(dir, result, evaluate != nil || len(p.cfg.Data.Eval) > 0)
	}
	if err != nil {
		return s.named(p, err)
	}
	return s.report.save(s.Dir)
}

// named tells which run an error is of, and the way out that a sweep has.
func (s *sweeper) named(p planned, err error) error {
	if errors.As(err, new(*train.InterruptedError)) {
		return err
	}
	if strings.Contains(err.Error(), "--overwrite") {
		return fmt.Errorf("run %s: %w (a sweep has no --overwrite: remove the run's folder and go on with --resume)", p.folder, err)
	}
	return fmt.Errorf("run %s: %w", p.folder, err)
}

// command is what trains a run by itself.
func (s *sweeper) command(p planned) string {
	args := []string{"train", "--config", s.Config}
	g, _ := ParseGrid(s.Grid, s.Seeds)
	for _, f := range flags(s.Sets, g, p.values) {
		args = append(args, "--set", f.Text)
	}
	return s.Command(append(args, "--set", fmt.Sprintf("train.seed=%d", p.cfg.Train.Seed), "--output", p.cfg.Output.Dir))
}
