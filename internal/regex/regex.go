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
	if len(expr) > maxInstructions {
		return nil, fmt.Errorf("it is longer than %d bytes", maxInstructions)
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxInstructions {
		return nil, fmt.Errorf("written out, it has more than %d steps", maxInstructions)
	}
	return regexp.Compile(expr)
}
