package sweep

import (
	"context"
	"errors"
	"fmt"

	"github.com/stablelora/stablelora/internal/train"
)

// InterruptedError says how far a sweep came before a signal.
type InterruptedError struct {
	*train.InterruptedError
	Done, Total int // runs
}

func (e *InterruptedError) Error() string {
	text := e.Signal.String()
	if e.Checkpoint != "" {
		text += "; saved " + e.Checkpoint
	}
	return fmt.Sprintf("%s; %d of %d runs are done, go on with --resume", text, e.Done, e.Total)
}

func (e *InterruptedError) Unwrap() error { return e.InterruptedError }

// FailedError says that a sweep has nothing to compare: every run failed.
type FailedError struct{ Runs, Diverged int }

func (e *FailedError) Error() string {
	switch e.Diverged {
	case e.Runs:
		return fmt.Sprintf("all %d runs diverged, there is nothing to compare; try lower values of train.learning_rate", e.Runs)
	case 0:
		return fmt.Sprintf("all %d runs learnt nothing, there is nothing to compare; try higher values of train.learning_rate", e.Runs)
	}
	return fmt.Sprintf("there is nothing to compare: of %d runs %d diverged, and the others learnt nothing", e.Runs, e.Diverged)
}

func usagef(format string, args ...any) error {
	return &train.UsageError{Err: fmt.Errorf(format, args...)}
}

// stopped words the end by a signal.
func (s *sweeper) stopped(ctx context.Context, err error) error {
	stop := &InterruptedError{Total: len(s.runs)}
	var signal train.SignalError
	switch {
	case errors.As(err, &stop.InterruptedError):
	case ctx.Err() != nil && errors.As(err, &signal):
		stop.InterruptedError = &train.InterruptedError{Signal: signal.Signal}
	default:
		return err
	}
	stop.Done = s.report.Finished + s.report.Failed
	return stop
}
