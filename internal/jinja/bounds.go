package jinja

import (
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// fitsReplaced is fits for the filter replace(old, new).
func fitsReplaced(in *exec.Value, args *exec.VarArgs) error {
	s, texts := in.String(), []string{}
	for _, a := range args.Args {
		texts = append(texts, a.String())
	}
	for _, name := range []string{"old", "new"} {
		if a, ok := args.KwArgs[name]; ok {
			texts = append(texts, a.String())
		}
	}
	if len(texts) < 2 {
		return nil // the filter says so
	}
	return fits(len(s) + strings.Count(s, texts[0])*len(texts[1]))
}

// fitsJoined is fits for the filter join(separator).
func fitsJoined(in *exec.Value, args *exec.VarArgs) error {
	n := 0
	if err := measure(in, &n, false); err != nil || !in.IsIterable() {
		return err
	}
	for _, a := range args.Args {
		n += in.Len() * len(a.String())
	}
	for _, a := range args.KwArgs {
		n += in.Len() * len(a.String())
	}
	return fits(n)
}

// statementCapture is {% set name %}…{% endset %}, whose text gonja does not
// bound.
const statementCapture = "__capture"

type capture struct {
	location *tokens.Token
	name     string
	body     *nodes.Wrapper
}

func parseCapture(p, args *parser.Parser) (nodes.ControlStructure, error) {
	name := args.Match(tokens.Name)
	if name == nil || !args.End() {
		return nil, args.Error("set wants one name", nil)
	}
	location := p.Current()
	body, end, err := p.WrapUntil("endset")
	if err != nil {
		return nil, err
	}
	if !end.End() {
		return nil, end.Error("endset takes no arguments", nil)
	}
	return &capture{location: location, name: name.Val, body: body}, nil
}

func (c *capture) Position() *tokens.Token { return c.location }
func (c *capture) String() string          { return "set()" }

// Execute implements exec.ControlStructure.
func (c *capture) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	out := &boundedText{max: maxValue}
	sub := r.Inherit()
	sub.Output = out
	if err := sub.ExecuteWrapper(c.body); err != nil {
		return err
	}
	value := sub.Evaluator().ExecuteFilterByName(filterKeep, exec.AsValue(out.String()), exec.NewVarArgs())
	if value.IsError() {
		return value
	}
	r.Environment.Context.Set(c.name, out.String())
	return nil
}
