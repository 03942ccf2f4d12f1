package sweep

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/infer"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/train"
)

// baseFile keeps the base model's answers: it is asked once for a whole sweep.
const baseFile = "base.jsonl"

// evaluator scores the runs of a sweep.
type evaluator struct {
	questions map[string][]*eval.Questions // by eval.tasks
	base      *eval.Progress               // nil until there is a folder
}

// open opens what keeps the base model's answers, where any run wants them.
func (v *evaluator) open(dir string, runs []planned) (err error) {
	wanted := slices.ContainsFunc(runs, func(p planned) bool { return p.cfg.Eval.Base && len(p.cfg.Eval.Tasks) > 0 })
	if wanted {
		v.base, err = eval.OpenProgress(filepath.Join(dir, baseFile), "base models of a sweep", true)
	}
	return err
}

// load reads the documents that a configuration asks, once.
func (v *evaluator) load(cfg *config.Config) ([]*eval.Questions, error) {
	key, err := json.Marshal(cfg.Eval.Tasks)
	if err != nil {
		return nil, err
	}
	if all, ok := v.questions[string(key)]; ok {
		return all, nil
	}
	var all []*eval.Questions
	for _, t := range cfg.Eval.Tasks {
		q, err := eval.Load(eval.TaskSpec{Name: t.Name, Path: t.Path, FewshotPath: t.FewshotPath, NumFewshot: t.NumFewshot, Limit: t.Limit})
		if input := (*fsutil.InputError)(nil); err != nil && !errors.As(err, &input) {
			return nil, &train.UsageError{Err: err}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	if v.questions == nil {
		v.questions = map[string][]*eval.Questions{}
	}
	v.questions[string(key)] = all
	return all, nil
}

// of returns what scores the runs of a configuration.
func (v *evaluator) of(cfg *config.Config, r metrics.Reporter) (train.Evaluate, error) {
	questions, err := v.load(cfg)
	if err != nil || len(questions) == 0 {
		return nil, err
	}
	return func(ctx context.Context, s *train.Subject, final bool) ([]metrics.TaskItems, error) {
		outcomes, err := v.answer(ctx, s, questions, cfg, final, r)
		if err != nil || !final {
			return eval.Items(outcomes), err
		}
		return eval.Items(outcomes), eval.WriteRunResults(filepath.Join(s.Dir, train.ResultsFile), outcomes)
	}, nil
}

// answer asks the adapted model and, at the end, the base.
func (v *evaluator) answer(ctx context.Context, s *train.Subject, questions []*eval.Questions, cfg *config.Config, final bool, r metrics.Reporter) ([]eval.Outcome, error) {
	options := func(what string) eval.Options {
		return eval.Options{Progress: func(done, total int) { r.Progress(what, done, total) }}
	}
	outcomes := make([]eval.Outcome, len(questions))
	var err error
	adapted := &infer.Engine{Model: s.Model, Tokenizer: s.Tokenizer, Adapter: s.Adapter}
	for i, q := range questions {
		if outcomes[i].Adapted, err = q.Run(ctx, adapted, options(q.Task.Name+", adapted")); err != nil {
			return nil, err
		}
	}
	if !final || !cfg.Eval.Base {
		return outcomes, nil
	}
	peft.Detach(s.Model)
	defer s.Adapter.Attach(s.Model)
	base := &infer.Engine{Model: s.Model, Tokenizer: s.Tokenizer}
	for i, q := range questions {
		key := fmt.Sprintf("%x", sha256.Sum256([]byte(s.ModelHash+cfg.Model.Compute+q.Hash())))
		if outcomes[i].Base, err = q.Run(ctx, base, v.base.Options(key, options(q.Task.Name+", base"))); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}
