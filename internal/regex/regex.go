// Package regex compiles regular expressions that come from outside. Go's run in
// time linear in the text, times their size; so that size is bounded. It is a
// leaf.
package regex

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// maxInstructions is the size of the largest program. A list of a thousand names
// has some ten thousand instructions.
const maxInstructions = 100_000

// Compile is regexp.Compile for expressions of a bounded size: repetitions such
// as (a{100}){9} count as often as they are written out.
func Compile(expr string) (*regexp.Regexp, error) {
	if _, err := Size(expr); err != nil {
		return nil, err
	}
	return regexp.Compile(expr)
}

// Size returns how many instructions an expression has. Matching takes time in
// proportion to them and to the text's length.
func Size(expr string) (int, error) {
	if len(expr) > maxInstructions {
		return 0, fmt.Errorf("it is longer than %d bytes", maxInstructions)
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return 0, err
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 0, err
	}
	if len(program.Inst) > maxInstructions {
		return 0, fmt.Errorf("written out, it has more than %d steps", maxInstructions)
	}
	return len(program.Inst), nil
}
