package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// describeCompletion gives cobra's own command what the others have: exit codes,
// an example, and with --json a document that holds the script.
func describeCompletion(e *env, root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err) // cobra has just made it
	}
	completion.Example = "  source <(stablelora completion bash)\n  stablelora completion fish | source"
	choose := func(with, without func(io.Writer) error) func(io.Writer, bool) error {
		return func(w io.Writer, describe bool) error {
			if describe {
				return with(w)
			}
			return without(w)
		}
	}
	for shell, write := range map[string]func(w io.Writer, describe bool) error{
		"bash":       root.GenBashCompletionV2,
		"zsh":        choose(root.GenZshCompletion, root.GenZshCompletionNoDesc),
		"fish":       root.GenFishCompletion,
		"powershell": choose(root.GenPowerShellCompletionWithDesc, root.GenPowerShellCompletion),
	} {
		cmd, _, err := completion.Find([]string{shell})
		if err != nil {
			panic(err)
		}
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			bare, err := cmd.Flags().GetBool("no-descriptions")
			if err != nil {
				return err
			}
			if !e.json {
				return write(e.out, !bare)
			}
			var script strings.Builder
			if err := write(&script, !bare); err != nil {
				return err
			}
			return e.printJSON(map[string]string{"shell": shell, "script": script.String()})
		}
	}
	completion.Args = noArgs
	completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for _, c := range append(completion.Commands(), completion) {
		c.Long = strings.TrimRight(c.Long, "\n") + exitStatus
	}
}
