package jinja

import "github.com/nikolalohinski/gonja/v2/exec"

// Dict is a dictionary that keeps its order.
type Dict = exec.Dict

// NewDict makes a dictionary of names and values, one after the other.
func NewDict(pairs ...any) *Dict {
	d := &Dict{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Pairs = append(d.Pairs, &exec.Pair{Key: exec.AsValue(pairs[i]), Value: exec.AsValue(pairs[i+1])})
	}
	return d
}
