package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// Progress is what evaluations have answered so far, kept in a file, one answer a
// line after a line that says of what; nil keeps nothing.
type Progress struct {
	f    *fsutil.File
	done map[string][]Sample // by what was asked of whom, in the documents' order
}

// ErrOtherEvaluation says that a file's answers are not of the evaluation asked
// for, ErrStopped that there are some and nobody asked for them.
var (
	ErrOtherEvaluation = errors.New("was left by an evaluation of another model, adapter, data or settings")
	ErrStopped         = errors.New("holds the answers of an evaluation that was stopped")
)

// answered is one line of the file.
type answered struct {
	Of     string // the evaluation, in the first line only
	Key    string
	Sample *Sample
}

// OpenProgress starts a file or, with resume, goes on with it where it is of the
// same evaluation. A torn last line is dropped; answers are not.
func OpenProgress(path, of string, resume bool) (*Progress, error) {
	p := &Progress{done: map[string][]Sample{}}
	raw, err := fsutil.ReadFile(path, fsutil.MaxFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !resume && bytes.Count(raw, []byte("\n")) > 1 {
		return nil, fmt.Errorf("%s %w", path, ErrStopped)
	}
	kept := 0
	if resume && len(raw) > 0 {
		if kept, err = p.read(raw, of); err != nil {
			return nil, fmt.Errorf("%s %w", path, err)
		}
	}
	if p.f, err = fsutil.Open(path, os.O_CREATE|os.O_RDWR); err != nil {
		return nil, err
	}
	if err := p.f.CutTo(int64(kept)); err != nil {
		return nil, err
	}
	if kept == 0 {
		return p, p.write(answered{Of: of})
	}
	return p, nil
}

// read takes the whole lines of a file and returns their length.
func (p *Progress) read(raw []byte, of string) (kept int, err error) {
	for lines := bufio.NewReader(bytes.NewReader(raw)); ; {
		line, err := lines.ReadBytes('\n')
		var a answered
		if err != nil || json.Unmarshal(line, &a) != nil {
			return kept, nil
		}
		if kept == 0 && a.Of != of {
			return 0, ErrOtherEvaluation
		}
		if a.Sample != nil {
			p.done[a.Key] = append(p.done[a.Key], *a.Sample)
		}
		kept += len(line)
	}
}

func (p *Progress) write(a answered) error {
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = p.f.Write(append(line, '\n'))
	return err
}

// Options adds what is known of a task to opts, and where to keep the rest.
func (p *Progress) Options(key string, opts Options) Options {
	if p != nil {
		opts.Done = p.done[key]
		opts.Store = func(s Sample) error {
			p.done[key] = append(p.done[key], s)
			return p.write(answered{Key: key, Sample: &s})
		}
	}
	return opts
}

// Close closes the file, to be gone on with.
func (p *Progress) Close() error {
	if p == nil {
		return nil
	}
	return p.f.Close()
}

// Finish removes the file: the results are written.
func (p *Progress) Finish() error {
	if p == nil {
		return nil
	}
	return errors.Join(p.f.Close(), fsutil.RemoveAll(p.f.Name()))
}
