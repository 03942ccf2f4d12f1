package main

import (
	"fmt"
	"io"
)

// output is standard output. What cannot be written there fails the command, but
// at its end: a training run outlives the reader of its tables.
type output struct {
	w   io.Writer
	err error // the first
}

func (o *output) Write(b []byte) (int, error) {
	if o.err == nil {
		_, o.err = o.w.Write(b)
	}
	return len(b), nil
}

// failed is the error of a command that has done its work but could not say so.
func (o *output) failed() error {
	if o.err == nil {
		return nil
	}
	return fmt.Errorf("the result could not be written to standard output: %w; files that were asked for are complete", o.err)
}
