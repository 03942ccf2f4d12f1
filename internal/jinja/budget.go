package jinja

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// Bounds on one rendering. A unit of work is about a microsecond at most: a
// conversation of a thousand turns takes some hundred thousand.
const (
	maxWork  = 1 << 23
	maxValue = 4 << 20 // bytes of a value: of the given ones together, of a variable, of a text a filter makes
	maxKeys  = 1000    // of a dictionary: gonja goes over all for each, squared it is a tenth of a second
)

// budget is what a rendering may still do.
type budget struct {
	left   int
	source int // bytes of the template
	heavy  int // bytes of the largest value there is
}

func (b *budget) spend(units int) error {
	if b.left -= units; b.left < 0 {
		return errors.New("it takes too long: loops inside one another, or over too much")
	}
	return nil
}

// turns pays for a loop over n items: each runs over a part of the template, and
// may look at the largest value there.
func (b *budget) turns(n int) error {
	return b.spend(1 + n*(8+b.source/128)*(1+b.heavy/4096))
}

// keep pays for a value that a variable is to hold.
func (b *budget) keep(v *exec.Value) error {
	n := 0
	if err := measure(v, &n, false); err != nil {
		return err
	}
	b.heavy = max(b.heavy, n)
	return b.spend(1 + n/16)
}

// look pays for a filter or a method of v.
func (b *budget) look(v *exec.Value) error {
	switch {
	case v.IsString():
		return b.spend(1 + v.Val.Len()/16)
	case v.IsDict():
		return b.spend(1 + v.Len()*v.Len()/8)
	case v.IsList():
		return b.spend(1 + v.Len())
	}
	return b.spend(1)
}

// measure adds the bytes of v, about, to n. With plain it refuses namespaces,
// which alone can change and so come to hold themselves.
func measure(v *exec.Value, n *int, plain bool) (err error) {
	*n += 16
	inside := func(_ int, key, value *exec.Value) bool {
		err = measure(key, n, plain)
		if err == nil && value != nil {
			err = measure(value, n, plain)
		}
		return err == nil
	}
	dict, isDict := v.Interface().(*Dict)
	switch {
	case v.IsError() || v.IsNil():
	case v.IsString():
		*n += v.Val.Len()
	case plain && v.Val.Kind() == reflect.Map:
		return errors.New("a namespace inside another is not supported")
	case isDict && len(dict.Pairs) > maxKeys:
		return fmt.Errorf("an object of %d keys, more than %d, is not supported", len(dict.Pairs), maxKeys)
	case v.IsList(), v.IsDict():
		each(v, inside)
	}
	if err == nil {
		err = fits(*n)
	}
	return err
}

// fits says whether a text of n bytes may be made.
func fits(n int) error {
	if n > maxValue {
		return fmt.Errorf("it makes a value of more than %d MiB", maxValue>>20)
	}
	return nil
}

// Filters that rewrite puts into templates, to pay for loops and assignments.
const (
	filterEach = "__each" // the object of a loop
	filterKeep = "__keep" // the value of a variable
	filterPut  = "__put"  // the value of a namespace's attribute, with the namespace
)

func (b *budget) filters() map[string]exec.FilterFunction {
	pass := func(pay func(in *exec.Value, args *exec.VarArgs) error) exec.FilterFunction {
		return func(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
			if in.IsError() {
				return in
			}
			if err := pay(in, args); err != nil {
				return exec.AsValue(err)
			}
			return in
		}
	}
	return map[string]exec.FilterFunction{
		filterEach: pass(func(in *exec.Value, _ *exec.VarArgs) error {
			if !in.IsIterable() {
				return b.turns(1)
			}
			return cmp.Or(b.look(in), b.turns(in.Len()))
		}),
		filterKeep: pass(func(in *exec.Value, _ *exec.VarArgs) error { return b.keep(in) }),
		filterPut: pass(func(in *exec.Value, args *exec.VarArgs) error {
			if len(args.Args) != 1 || args.Args[0].Val.Kind() != reflect.Map {
				return errors.New("only a namespace's attributes can be set")
			}
			n := 0
			if err := measure(in, &n, true); err != nil {
				return err
			}
			return b.keep(in)
		}),
	}
}

// paying makes a filter of templates pay, and bounds what it makes.
func (b *budget) paying(name string, f exec.FilterFunction) exec.FilterFunction {
	return func(e *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
		err := b.look(in)
		if err == nil {
			switch name {
			case "replace":
				err = fitsReplaced(in, args)
			case "join":
				err = fitsJoined(in, args)
			case "select", "reject":
				err = knownTest(e, args, 0)
			case "selectattr", "rejectattr":
				err = knownTest(e, args, 1)
			}
		}
		if err != nil {
			return exec.AsValue(err)
		}
		return f(e, in, args)
	}
}

// knownTest says whether the test that is the i-th argument exists, where there is
// one; gonja would take one that does not for false.
func knownTest(e *exec.Evaluator, args *exec.VarArgs, i int) error {
	if len(args.Args) > i && !e.Environment.Tests.Exists(args.Args[i].String()) {
		return fmt.Errorf("test '%.80s' not found", args.Args[i].String())
	}
	return nil
}
