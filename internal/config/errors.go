package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is a configuration that cannot be used: exit code 2. Each problem is
// one line, "FILE:LINE: key: sentence" or "--set key=value: sentence".
type Error struct{ Problems []string }

// Error returns the problems, one a line.
func (e *Error) Error() string { return strings.Join(e.Problems, "\n") }

func errorf(format string, args ...any) error {
	return &Error{[]string{fmt.Sprintf(format, args...)}}
}

// A place is where a value was written: the line of the file if above 0, the
// --set flag with that number, from 1, if below, and 0 where it was not.
type place int

func (p place) isSet() bool { return p < 0 }

type problem struct {
	at   place
	key  string // dotted, or "" for the file as a whole
	text string
}

// maxProblems is how many are written out.
const maxProblems = 100

// newError writes the problems out: those of the file by line, then the flags'.
func newError(s *source, problems []problem) error {
	slices.SortStableFunc(problems, func(a, b problem) int {
		if a.at.isSet() && b.at.isSet() {
			return cmp.Compare(b.at, a.at)
		}
		if a.at.isSet() || b.at.isSet() {
			return cmp.Compare(b.at, a.at)
		}
		return cmp.Compare(a.at, b.at)
	})
	e := &Error{}
	for i, p := range problems {
		if i == maxProblems {
			e.Problems = append(e.Problems, fmt.Sprintf("%s: and %d more problems", s.path, len(problems)-i))
			break
		}
		line := s.where(p.at) + ": "
		if p.key != "" && !(p.at.isSet() && s.sets[-p.at-1].key == p.key) {
			line += p.key + ": "
		}
		e.Problems = append(e.Problems, line+p.text)
	}
	return e
}
