package train

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// InterruptedError says that a signal ended the run after a whole step, and
// where that step was saved.
type InterruptedError struct {
	Signal     os.Signal
	Checkpoint string // "" when there was nothing to save yet
}

func (e *InterruptedError) Error() string {
	if e.Checkpoint == "" {
		return fmt.Sprintf("%s; there was nothing to save", e.Signal)
	}
	return fmt.Sprintf("%s; saved %s, go on with --resume auto", e.Signal, e.Checkpoint)
}

// ExitCode is 128 plus the signal's number, as shells have it.
func (e *InterruptedError) ExitCode() int {
	if s, ok := e.Signal.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return 1
}

// SignalError is the cause of a context that a signal cancelled.
type SignalError struct{ Signal os.Signal }

func (e SignalError) Error() string { return e.Signal.String() }

// DivergedError says that a number of the computation was not finite. It has
// not reached a file.
type DivergedError struct {
	Step       int    // from 1
	What       string // "loss", "gradient", "A or B of ... after the update"
	Rate       float64
	Checkpoint string // the last good state; "" when there is none
}

func (e *DivergedError) Error() string {
	kept := "there is no earlier state to go back to"
	if e.Checkpoint != "" {
		kept = "the last good state is " + e.Checkpoint
	}
	return fmt.Sprintf("step %d: the %s is not finite; %s; try train.learning_rate below %.3g, a longer warm-up, or train.max_grad_norm 1",
		e.Step, e.What, kept, e.Rate/2)
}

// ErrNothingLearnt says that every B is 0 after the last step.
var ErrNothingLearnt = errors.New("nothing was learnt")

// UsageError is a run that cannot start as asked for: a folder in use, a
// configuration that does not fit the checkpoint to resume from.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }
