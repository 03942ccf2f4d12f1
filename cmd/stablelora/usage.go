package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stablelora/stablelora/internal/spell"
)

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// flagError words the mistakes that pflag finds.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1:
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		return usagef("unknown flag --%s%s", unknown.GetSpecifiedName(), didYouMean("--", unknown.GetSpecifiedName(), names))
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		what := map[string]string{"int": "a whole number", "uint64": "a whole number of 0 or above", "float64": "a number", "bool": "true or false"}[f.Value.Type()]
		if what != "" {
			return usagef("--%s must be %s, not %q", f.Name, what, invalid.GetValue())
		}
	}
	return usageError{err}
}

// didYouMean names the candidate that a misspelt word most likely stands for.
func didYouMean(prefix, word string, candidates []string) string {
	if best := spell.Nearest(word, candidates); best != "" {
		return fmt.Sprintf("; did you mean %s%s?", prefix, best)
	}
	return ""
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		return unknownCommand(cmd, args[0])
	}
	return usagef("takes no arguments, got %q", args)
}

func unknownCommand(parent *cobra.Command, word string) error {
	var names []string
	for _, c := range parent.Commands() {
		names = append(names, c.Name())
	}
	return usagef("unknown command %q%s", word, didYouMean("", word, names))
}

func exactlyOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("needs exactly one argument, %s; got %d", what, len(args))
		}
		return nil
	}
}

// notEmpty refuses flags with an empty value, an unset variable of the shell, say:
// they would pass for flags that are not given. A text for the model may be empty.
func notEmpty(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" && f.Name != "prompt" && f.Name != "system-instruction" {
			err = usagef("--%s is empty; give it a value, or leave it out", f.Name)
		}
	})
	return err
}

// required reports the flags that are missing.
func required(cmd *cobra.Command, names ...string) error {
	var missing []string
	for _, n := range names {
		if f := cmd.Flags().Lookup(n); f.Value.String() == "" {
			missing = append(missing, "--"+n)
		}
	}
	if len(missing) > 0 {
		return usagef("needs %s", strings.Join(missing, ", "))
	}
	return nil
}
