package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/infer"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/train"
)

// loadQuestions reads the documents of all tasks.
func loadQuestions(specs []eval.TaskSpec) ([]*eval.Questions, error) {
	var all []*eval.Questions
	for _, s := range specs {
		if _, err := findTask(s.Name); err != nil {
			return nil, err
		}
		q, err := eval.Load(s)
		if input := (*fsutil.InputError)(nil); err != nil && !errors.As(err, &input) {
			return nil, usageError{err}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// taskSpecs are eval.tasks of a configuration.
func taskSpecs(cfg *config.Config) []eval.TaskSpec {
	var specs []eval.TaskSpec
	for _, t := range cfg.Eval.Tasks {
		specs = append(specs, eval.TaskSpec{Name: t.Name, Path: t.Path, FewshotPath: t.FewshotPath, NumFewshot: t.NumFewshot, Limit: t.Limit})
	}
	return specs
}

// answer asks a model all questions, with its adapter and, where base is set,
// without.
func answer(ctx context.Context, engine *infer.Engine, questions []*eval.Questions, base bool, maxGenToks int, p *eval.Progress, r metrics.Reporter) ([]eval.Outcome, error) {
	outcomes := make([]eval.Outcome, len(questions))
	ask := func(who string, store func(*eval.Outcome, *eval.TaskResult)) error {
		for i, q := range questions {
			what := q.Task.Name + ", " + who
			result, err := q.Run(ctx, engine, p.Options(what, eval.Options{MaxGenToks: maxGenToks,
				Progress: func(done, total int) { r.Progress(what, done, total) }}))
			if err != nil {
				return err
			}
			store(&outcomes[i], result)
		}
		return nil
	}
	if engine.Adapter != nil {
		if err := ask("adapted", func(o *eval.Outcome, t *eval.TaskResult) { o.Adapted = t }); err != nil {
			return nil, err
		}
	}
	if base || engine.Adapter == nil {
		peft.Detach(engine.Model)
		err := ask("base", func(o *eval.Outcome, t *eval.TaskResult) { o.Base = t })
		if engine.Adapter != nil {
			engine.Adapter.Attach(engine.Model)
		}
		if err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// runEvaluation returns what a training run calls to score its model: on the
// way the adapted model only, at the end the base too, with results.json.
func runEvaluation(e *env, cfg *config.Config, questions []*eval.Questions, r metrics.Reporter) train.Evaluate {
	if len(questions) == 0 {
		return nil
	}
	return func(ctx context.Context, s *train.Subject, final bool) ([]metrics.TaskItems, error) {
		engine := &infer.Engine{Model: s.Model, Tokenizer: s.Tokenizer, Adapter: s.Adapter}
		outcomes, err := answer(ctx, engine, questions, final && cfg.Eval.Base, 0, nil, r)
		if err != nil || !final {
			return eval.Items(outcomes), err
		}
		if err := eval.WriteRunResults(filepath.Join(s.Dir, train.ResultsFile), outcomes); err != nil {
			return nil, err
		}
		return eval.Items(outcomes), e.printOutcomes(outcomes)
	}
}

// printOutcomes warns of what the figures hide and, without --json, prints the
// harness's table and, where both models were scored, the comparison.
func (e *env) printOutcomes(outcomes []eval.Outcome) error {
	var results []*eval.TaskResult
	compared := false
	for _, o := range outcomes {
		results = append(results, o.Result())
		compared = compared || o.Base != nil && o.Adapted != nil
		r := o.Result()
		if r.Subset() {
			e.warn("%s: %d of %d documents, a subset", r.Task.Name, r.Len(), r.Original)
		}
		if n := r.Truncated(); n > 0 {
			e.warn("%s: %d of %d documents are longer than the model takes and lost their beginning, as lm-evaluation-harness does it", r.Task.Name, n, r.Len())
		}
	}
	if e.json {
		return nil
	}
	for _, r := range results {
		for i, f := range r.Task.Filters {
			if share := r.Invalid(i); share > 0 {
				e.note("%s, %s: no answer found in %.1f%% of the texts", r.Task.Name, f.Name, 100*share)
			}
		}
	}
	if err := eval.Table(e.out, results); err != nil || !compared {
		return err
	}
	fmt.Fprintln(e.out)
	return eval.CompareTable(e.out, outcomes)
}
