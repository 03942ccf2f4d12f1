package fsutil

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// InputError says that a file from outside is broken or does not fit. The
// command line turns it into exit code 3.
type InputError struct {
	Path string // file or folder, with the line where there is one: data.jsonl:17
	Err  error
}

// Error returns "path: message".
func (e *InputError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *InputError) Unwrap() error { return e.Err }

// Input marks err as caused by the content of path. The operation and path that os
// puts before its errors are dropped where path names the file already.
func Input(path string, err error) error {
	var of *fs.PathError
	if errors.As(err, &of) && (path == of.Path || strings.HasPrefix(path, of.Path+":")) {
		err = of.Err
	}
	return &InputError{path, err}
}

// Inputf is Input with a formatted message.
func Inputf(path, format string, args ...any) error {
	return &InputError{path, fmt.Errorf(format, args...)}
}
