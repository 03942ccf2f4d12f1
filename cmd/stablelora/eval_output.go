package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/fsutil"
)

// progressFile holds the answers of an evaluation that is not finished.
const progressFile = ".eval-progress.jsonl"

// openOutput claims the folder, before hours of evaluation, and opens the answers
// kept in it; without --output there are none.
func (o *evalOptions) openOutput(modelHash string, questions []*eval.Questions) (kept *eval.Progress, release func(), err error) {
	if o.output == "" {
		return nil, func() {}, nil
	}
	free, err := fsutil.Claim(o.output)
	if err != nil {
		return nil, nil, usagef("--output: %w", err)
	}
	release = func() {
		fsutil.Remove(o.output) // which fails unless it is empty
		free()
	}
	of, err := o.identity(modelHash, questions)
	if err == nil {
		kept, err = openProgress(o.output, of, o.resume)
	}
	if err != nil {
		release()
	}
	return kept, release, err
}

// write writes results.json and samples into the output folder and, with --json,
// results.json to standard output.
func (o *evalOptions) write(e *env, outcomes []eval.Outcome, info eval.Info) error {
	if o.output != "" {
		if err := eval.WriteResults(o.output, outcomes, info, o.logSamples); err != nil {
			return err
		}
	}
	if !e.json {
		return nil
	}
	return eval.Encode(e.out, outcomes, info)
}

// openProgress starts the file in dir or, with resume, goes on with it.
func openProgress(dir, of string, resume bool) (*eval.Progress, error) {
	p, err := eval.OpenProgress(filepath.Join(dir, progressFile), of, resume)
	switch {
	case errors.Is(err, eval.ErrOtherEvaluation):
		return nil, usagef("--resume: %w; choose another folder, or remove the file to start anew", err)
	case errors.Is(err, eval.ErrStopped):
		return nil, usagef("--output: %w; go on with --resume, or remove the file to start anew", err)
	}
	return p, err
}

// identity is a hash of everything an evaluation's answers depend on.
func (o *evalOptions) identity(modelHash string, questions []*eval.Questions) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, version, modelHash, o.maxGenToks, o.compute)
	if o.adapter != "" {
		for _, name := range []string{"adapter_config.json", "adapter_model.safetensors"} {
			data, err := os.ReadFile(filepath.Join(o.adapter, name))
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%x\n", sha256.Sum256(data))
		}
	}
	for _, q := range questions {
		fmt.Fprintln(h, q.Hash())
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
