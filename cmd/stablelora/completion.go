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
	for shell, write := range map[string]func(io.Writer) error{
		"bash":       func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":        root.GenZshCompletion,
		"fish":       func(w io.Writer) error { return root.GenFishCompletion(w, true) },
		"powershell": root.GenPowerShellCompletionWithDesc,
	} {
		cmd, _, err := completion.Find([]string{shell})
		if err != nil {
			panic(err)
		}
		plain := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if !e.json {
				return plain(cmd, args)
			}
			var script strings.Builder
			if err := write(&script); err != nil {
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
