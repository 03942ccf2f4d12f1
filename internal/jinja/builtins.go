package jinja

import (
	"errors"
	"fmt"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// List is a list whose negative indexes are right also for the first element.
type List []any

// GetItem implements exec.ItemGetter.
func (l List) GetItem(key any) (*exec.Value, bool) {
	i, ok := key.(int)
	if i < 0 {
		i += len(l)
	}
	if !ok || i < 0 || i >= len(l) {
		return exec.AsValue(nil), false
	}
	return exec.ToValue(l[i]), true
}

// None is Python's None. gonja's nil stands for undefined; None is defined,
// false, and prints as itself, as does an empty list with a name.
type None []struct{}

func (None) String() string { return "None" }

func isNone(v *exec.Value) bool {
	_, ok := v.Interface().(None)
	return ok
}

// environment holds what templates can use: of gonja's own what agrees with
// Jinja, and replacements for what does not. The rest is unknown to a template.
// What takes long pays from b.
func environment(b *budget, d Dialect) *exec.Environment {
	filters := b.filters()
	for name, f := range b.filtersOf(d) {
		filters[name] = b.paying(name, f)
	}
	statements := map[string]parser.ControlStructureParser{"generation": parseGeneration, statementCapture: parseCapture}
	for _, name := range []string{"if", "for", "set", "break", "continue"} {
		if s, ok := builtins.ControlStructures.Get(name); ok {
			statements[name] = s
		}
	}
	namespace, _ := builtins.GlobalFunctions.Get("namespace")
	return &exec.Environment{
		Context: exec.NewContext(map[string]any{"namespace": namespace, "range": b.rangeFunction, "none": None{},
			itemName: item, equalName: b.equal, unequalName: b.unequal}),
		Filters:           exec.NewFilterSet(filters),
		Tests:             exec.NewTestSet(tests()),
		ControlStructures: exec.NewControlStructureSet(statements),
		Methods:           methods(b),
	}
}

func (b *budget) filtersOf(d Dialect) map[string]exec.FilterFunction {
	filters := map[string]exec.FilterFunction{
		"trim":       filter(func(s string, a *exec.VarArgs) (any, error) { return strip(s, a, true, true) }),
		"upper":      filter(upper),
		"lower":      filter(lower),
		"title":      filter(titleWords),
		"capitalize": filter(capitalize),
		"list":       filterList,
		"items":      func(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value { return exec.AsValue(pairs(in)) },
		"tojson":     filterToJSON,
		"str":        filterStr,
		"string":     filterStr,
		"int":        filterInt,
		"first":      filterEnd(func(int) int { return 0 }),
		"last":       filterEnd(func(n int) int { return n - 1 }),

		"regex_replace": b.regexReplace,
	}
	for _, name := range []string{
		"length", "count", "join", "default", "d", "map", "select", "reject", "selectattr", "rejectattr",
		"replace", "safe", "reverse", "sort", "unique",
	} {
		if f, ok := builtins.Filters.Get(name); ok {
			filters[name] = f
		}
	}
	if d == Task { // Jinja's own writes another form than transformers'
		delete(filters, "tojson")
	}
	return filters
}

func tests() map[string]exec.TestFunction {
	is := func(check func(*exec.Value) bool) exec.TestFunction {
		return func(_ *exec.Context, in *exec.Value, _ *exec.VarArgs) (bool, error) { return check(in), nil }
	}
	tests := map[string]exec.TestFunction{
		"true":     is(func(v *exec.Value) bool { return v.IsBool() && v.Bool() }),
		"false":    is(func(v *exec.Value) bool { return v.IsBool() && !v.Bool() }),
		"none":     is(isNone),
		"odd":      is(func(v *exec.Value) bool { return v.IsInteger() && v.Integer()%2 != 0 }),
		"sequence": is(isSequence),
		"iterable": is(isSequence),
	}
	for _, name := range []string{
		"defined", "undefined", "string", "mapping", "number", "integer", "boolean", "even",
		"eq", "equalto", "==", "ne", "!=", "in",
	} {
		if f, ok := builtins.Tests.Get(name); ok {
			tests[name] = f
		}
	}
	return tests
}

func isSequence(v *exec.Value) bool {
	return v.IsList() && !isNone(v) || v.IsString() || v.IsDict()
}

// filter makes a filter of a string function.
func filter(f stringFunction) exec.FilterFunction {
	return func(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
		if in.IsError() {
			return in
		}
		out, err := f(in.String(), args)
		if err != nil {
			return exec.AsValue(err)
		}
		return exec.AsValue(out)
	}
}

func filterList(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	out := List{}
	if in.IsString() {
		for _, r := range in.String() {
			out = append(out, string(r))
		}
		return exec.AsValue(out)
	}
	each(in, func(_ int, key, _ *exec.Value) bool {
		out = append(out, key)
		return true
	})
	return exec.AsValue(out)
}

// rangeFunction is Python's range, up to the 100,000 items of Jinja's sandbox.
func (b *budget) rangeFunction(args *exec.VarArgs) (any, error) {
	var n [3]int
	for i, a := range args.Args {
		if i > 2 || !a.IsInteger() {
			return nil, errors.New("range wants one to three integers")
		}
		n[i] = a.Integer()
	}
	start, stop, step := n[0], n[1], n[2]
	switch len(args.Args) {
	case 0:
		return nil, errors.New("range wants one to three integers")
	case 1:
		start, stop, step = 0, n[0], 1
	case 2:
		step = 1
	}
	if step == 0 {
		return nil, errors.New("range with step 0")
	}
	out := List{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if len(out) == 100_000 {
			return nil, errors.New("range of more than 100,000 items")
		}
		out = append(out, i)
	}
	return out, b.spend(len(out))
}

// generation is transformers' {% generation %}, which marks the assistant's text
// and renders it as it is.
type generation struct {
	location *tokens.Token
	body     *nodes.Wrapper
}

func parseGeneration(p, args *parser.Parser) (nodes.ControlStructure, error) {
	if !args.End() {
		return nil, args.Error("generation takes no arguments", nil)
	}
	location := p.Current()
	body, end, err := p.WrapUntil("endgeneration")
	if err != nil {
		return nil, err
	}
	if !end.End() {
		return nil, end.Error("endgeneration takes no arguments", nil)
	}
	return &generation{location, body}, nil
}

func (g *generation) Position() *tokens.Token { return g.location }
func (g *generation) String() string          { return fmt.Sprintf("generation (line %d)", g.location.Line) }

// Execute implements exec.ControlStructure.
func (g *generation) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	return r.ExecuteWrapper(g.body)
}

// pairs returns the (key, value) pairs of a dictionary in order.
func pairs(dict *exec.Value) List {
	out := List{}
	each(dict, func(_ int, key, value *exec.Value) bool {
		out = append(out, List{key, value})
		return true
	})
	return out
}
