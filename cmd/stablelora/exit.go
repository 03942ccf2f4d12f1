package main

import (
	"context"
	"errors"
	"syscall"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/infer"
	"github.com/stablelora/stablelora/internal/sweep"
	"github.com/stablelora/stablelora/internal/train"
)

// exitCode maps an error to the documented exit code.
func exitCode(err error) int {
	var (
		usage       usageError
		conf        *config.Error
		input       *fsutil.InputError
		interrupted *train.InterruptedError
		diverged    *train.DivergedError
		notFinite   *eval.NotFiniteError
		failed      *sweep.FailedError
		memory      *cost.MemoryError
		run         *train.UsageError
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &interrupted):
		return interrupted.ExitCode()
	case errors.As(err, &diverged), errors.As(err, &notFinite), errors.As(err, &failed) && failed.Diverged > 0,
		errors.Is(err, infer.ErrNotFinite):
		return 4
	case errors.As(err, &memory), errors.Is(err, syscall.ENOMEM): // of a mapping, under ulimit -v
		return 5
	case errors.As(err, &usage), errors.As(err, &conf), errors.As(err, &run):
		return 2
	case errors.As(err, &input):
		return 3
	}
	return 1
}

// unsavedError is the interruption of a command that has no checkpoints.
type unsavedError struct {
	*train.InterruptedError
	left string // what there is now
}

func (e unsavedError) Error() string { return e.Signal.String() + "; " + e.left }
func (e unsavedError) Unwrap() error { return e.InterruptedError }

// orInterrupted replaces err where a signal ended ctx; left says what there is
// now.
func orInterrupted(ctx context.Context, err error, left string) error {
	if signal := (train.SignalError{}); errors.As(context.Cause(ctx), &signal) {
		return unsavedError{&train.InterruptedError{Signal: signal.Signal}, left}
	}
	return err
}
