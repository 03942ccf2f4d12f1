package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/eval"
)

// progressFile holds the answers of an evaluation that is not finished.
const progressFile = ".eval-progress.jsonl"

// openProgress starts the file in dir or, with resume, goes on with it.
func openProgress(dir, of string, resume bool) (*eval.Progress, error) {
	p, err := eval.OpenProgress(filepath.Join(dir, progressFile), of, resume)
	if errors.Is(err, eval.ErrOtherEvaluation) {
		return nil, usagef("--resume: %w; leave --resume out to start anew", err)
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
