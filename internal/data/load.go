package data

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/records"
)

// Set is the examples of several files, in the order of files and lines.
type Set struct {
	Examples []*Example
	Files    []File
	Hash     string // SHA-256 over every example's tokens and supervision, hexadecimal

	Repeated  int // examples equal to an earlier one
	Dropped   int // records longer than data.max_length, left out
	Truncated int // records longer than data.max_length, cut off
}

// File tells what became of one data file.
type File struct {
	Path    string
	Format  string
	Signs   []string // the fields that told the format, where it was auto
	Records int      // examples it gave

	weight float64
	first  int // its first example
}

// NewSet makes a set of examples at hand, as if they were one file's.
func NewSet(examples []*Example) *Set {
	return &Set{Examples: examples, Files: []File{{Records: len(examples), weight: 1}}}
}

// Tokens counts every token of every example once, BOS and EOS included.
func (s *Set) Tokens() int {
	n := 0
	for _, x := range s.Examples {
		n += len(x.Tokens)
	}
	return n
}

// Supervised counts the supervised tokens of every example once.
func (s *Set) Supervised() int {
	n := 0
	for _, x := range s.Examples {
		n += x.NumSupervised()
	}
	return n
}

// Longest returns the number of tokens of the longest example.
func (s *Set) Longest() int {
	n := 0
	for _, x := range s.Examples {
		n = max(n, len(x.Tokens))
	}
	return n
}

// Notes tells in sentences what was read and what a user should know of it.
func (s *Set) Notes() []string {
	var notes []string
	for _, f := range s.Files {
		note := fmt.Sprintf("%s: %d records of format %s", f.Path, f.Records, f.Format)
		if f.Signs != nil {
			note += fmt.Sprintf(", chosen by the fields %s", strings.Join(f.Signs, ", "))
		}
		notes = append(notes, note)
	}
	if s.Dropped > 0 {
		notes = append(notes, fmt.Sprintf("%d records were dropped, being longer than data.max_length", s.Dropped))
	}
	if s.Truncated > 0 {
		notes = append(notes, fmt.Sprintf("%d records were cut off at data.max_length", s.Truncated))
	}
	if s.Repeated > 0 {
		notes = append(notes, fmt.Sprintf("%d records repeat an earlier one", s.Repeated))
	}
	return notes
}

// fatal is an error that is not of the record at which it came up.
type fatal struct{ error }

// errEnough ends the reading of a file at its max_samples.
var errEnough = errors.New("enough")

// Load reads and tokenizes the records of files. A record that is broken, has
// nothing to learn or, under on_overflow: error, is too long is an
// *fsutil.InputError with file and line; a wrong columns entry a *config.Error.
func Load(cfg config.Data, files []config.DataFile, opt Encoding) (*Set, error) {
	if cfg.AppendEOS && opt.EOS == nil {
		return nil, &config.Error{Problems: []string{
			"data.append_eos: the model's config.json names no eos_token_id; set it to false"}}
	}
	l := &loader{encoder: encoder{cfg: cfg, opt: opt}, set: &Set{}, seen: map[[sha256.Size]byte]bool{}, hash: sha256.New()}
	l.each = l.add
	for _, f := range files {
		if err := l.file(f); err != nil {
			return nil, err
		}
	}
	if len(l.set.Examples) == 0 && len(files) > 0 {
		return nil, fsutil.Inputf(files[0].Path, "every record is longer than data.max_length %d and was dropped; raise it", cfg.MaxLength)
	}
	l.set.Hash = hex.EncodeToString(l.hash.Sum(nil))
	return l.set, nil
}

type loader struct {
	encoder
	each func(where string, r record, p passage) error
	set  *Set
	seen map[[sha256.Size]byte]bool
	hash hash.Hash
	buf  []byte // scratch of digest
}

// file adds the examples of one file.
func (l *loader) file(f config.DataFile) error {
	entry := File{Path: f.Path, Format: f.Format, weight: cmp.Or(f.Weight, 1), first: len(l.set.Examples)}
	var chosen format
	if f.Format != "auto" {
		var err error
		chosen, err = l.named(f)
		if problems := (*config.Error)(nil); errors.As(err, &problems) {
			return err // of a task file
		}
		if err != nil {
			return &config.Error{Problems: []string{f.Path + ": " + err.Error()}}
		}
	}
	read := 0
	err := records.Read(f.Path, func(where string, raw json.RawMessage) error {
		read++
		r, err := readRecord(raw, f.Columns)
		if err == nil && chosen.parse == nil {
			chosen, entry.Signs, err = l.detect(r, f.Columns)
			entry.Format = chosen.name
		}
		var p passage
		if err == nil {
			p, err = chosen.parse(r)
		}
		if err == nil {
			err = l.each(where, r, p)
		}
		if err == nil {
			if read == f.MaxSamples {
				return errEnough
			}
			return nil
		}
		if stop := (*fatal)(nil); errors.As(err, &stop) {
			return stop.error
		}
		if entry.Signs != nil && read > 1 {
			err = fmt.Errorf("%w (format auto chose %s because the first record has the fields %s)",
				err, chosen.name, strings.Join(entry.Signs, ", "))
		}
		return fsutil.Input(where, err)
	})
	if err != nil && err != errEnough {
		return err
	}
	entry.Records = len(l.set.Examples) - entry.first
	l.set.Files = append(l.set.Files, entry)
	return nil
}

// add adds one example.
func (l *loader) add(where string, _ record, p passage) error {
	x, cut, err := l.example(where, p)
	if err != nil {
		return err
	}
	if x == nil {
		l.set.Dropped++
		return nil
	}
	if cut {
		l.set.Truncated++
	}
	d := l.digest(x)
	if l.seen[d] {
		l.set.Repeated++
	}
	l.seen[d] = true
	l.hash.Write(d[:])
	l.set.Examples = append(l.set.Examples, x)
	return nil
}

// digest hashes the tokens and the supervision of an example.
func (l *loader) digest(x *Example) [sha256.Size]byte {
	b := binary.LittleEndian.AppendUint64(l.buf[:0], uint64(len(x.Tokens)))
	for _, id := range x.Tokens {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	for _, s := range x.supervised {
		b = binary.LittleEndian.AppendUint64(b, uint64(s.start))
		b = binary.LittleEndian.AppendUint64(b, uint64(s.end))
	}
	l.buf = b
	return sha256.Sum256(b)
}
