package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/eval"
)

// progressFile holds the answers of an evaluation that is not finished, one a
// line, after a line that says of what.
const progressFile = ".eval-progress.jsonl"

// progress is what an evaluation has answered so far; nil keeps nothing.
type progress struct {
	f    *os.File
	done map[string][]eval.Sample // by task and model asked, in the documents' order
}

// answered is one line of the file.
type answered struct {
	Of     string // the evaluation, in the first line only
	Key    string
	Sample *eval.Sample
}

// openProgress starts the file in dir or, with resume, goes on with it where it
// is of the same evaluation. A torn last line is dropped.
func openProgress(dir, of string, resume bool) (*progress, error) {
	path := filepath.Join(dir, progressFile)
	p := &progress{done: map[string][]eval.Sample{}}
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	kept := 0
	if resume && len(raw) > 0 {
		if kept, err = p.read(raw, of); err != nil {
			return nil, usagef("--resume: %s: %w", path, err)
		}
	}
	if p.f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return nil, err
	}
	if err := p.f.Truncate(int64(kept)); err != nil {
		return nil, err
	}
	if _, err := p.f.Seek(int64(kept), 0); err != nil {
		return nil, err
	}
	if kept == 0 {
		return p, p.write(answered{Of: of})
	}
	return p, nil
}

// read takes the whole lines of a file and returns their length.
func (p *progress) read(raw []byte, of string) (kept int, err error) {
	for lines := bufio.NewReader(bytes.NewReader(raw)); ; {
		line, err := lines.ReadBytes('\n')
		var a answered
		if err != nil || json.Unmarshal(line, &a) != nil {
			return kept, nil
		}
		if kept == 0 && a.Of != of {
			return 0, errors.New("was left by an evaluation of another model, adapter, data or settings; leave --resume out to start anew")
		}
		if a.Sample != nil {
			p.done[a.Key] = append(p.done[a.Key], *a.Sample)
		}
		kept += len(line)
	}
}

func (p *progress) write(a answered) error {
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = p.f.Write(append(line, '\n'))
	return err
}

// options adds what is known of a task to opts, and where to keep the rest.
func (p *progress) options(key string, opts eval.Options) eval.Options {
	if p != nil {
		opts.Done = p.done[key]
		opts.Store = func(s eval.Sample) error { return p.write(answered{Key: key, Sample: &s}) }
	}
	return opts
}

// finish removes the file: the results are written.
func (p *progress) finish() error {
	if p == nil {
		return nil
	}
	return errors.Join(p.f.Close(), os.Remove(p.f.Name()))
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
