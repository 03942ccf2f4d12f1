package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/safetensors"
)

// env is what every command gets: its streams and the flags they share.
type env struct {
	in       io.Reader
	out, err io.Writer
	json     bool
	quiet    bool
	threads  int
}

// exitStatus ends the help of every command.
const exitStatus = `

EXIT STATUS
  0    done
  1    failed while running
  2    usage or configuration
  3    an input file is broken or does not fit
  4    diverged: a loss, gradient or weight is not finite
  5    not enough memory
  129  hung up (SIGHUP), checkpoint saved
  130  interrupted (SIGINT), checkpoint saved
  143  terminated (SIGTERM), checkpoint saved`

// run executes the command line and returns the exit code.
func run(args []string, in io.Reader, stdout, errOut io.Writer) int {
	out := &output{w: stdout}
	e := &env{in: in, out: out, err: errOut}
	root := newRootCmd(e)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	var cmd *cobra.Command
	err := safetensors.Guard(func() (err error) {
		cmd, err = root.ExecuteC()
		return err
	})
	if err == nil {
		err = out.failed()
	}
	if err == nil {
		return 0
	}
	if word := ""; cmd == root {
		if _, e := fmt.Sscanf(err.Error(), "unknown command %q", &word); e == nil { // cobra's, before it looks at flags
			err = unknownCommand(root, word)
		}
	}
	fmt.Fprintf(errOut, "stablelora: %s\n", indent(err.Error()))
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(errOut, "Run '%s --help' for usage.\n", cmd.CommandPath())
	}
	return exitCode(err)
}

// indent keeps the lines of a long message together.
func indent(s string) string { return strings.ReplaceAll(s, "\n", "\n  ") }

func newRootCmd(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "stablelora",
		Short: "Fine-tune LLaMA and Qwen models with LoRA on a CPU",
		Long: `stablelora fine-tunes LLaMA and Qwen language models with LoRA on an ordinary
CPU. Its method is Stable-LoRA (arXiv 2603.05204): early in training A is shrunk
until its norm fits that of B.` + exitStatus,
		Example: `  stablelora init --demo demo
  stablelora train --config demo/quickstart.yaml
  stablelora eval --config demo/quickstart.yaml --adapter runs/quickstart
  stablelora merge --model demo/model --adapter runs/quickstart --output merged`,
		Version:           version,
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return cmp.Or(notEmpty(cmd), e.start()) },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.BoolVar(&e.json, "json", false, "print one JSON document with the result on standard output")
	flags.BoolVar(&e.quiet, "quiet", false, "print no progress, only warnings and the result")
	flags.IntVar(&e.threads, "threads", runtime.GOMAXPROCS(0), "worker threads")
	root.AddCommand(newTrainCmd(e), newSweepCmd(e), newReportCmd(e), newEvalCmd(e), newMergeCmd(e), newGenerateCmd(e), newInspectCmd(e),
		newTokenizeCmd(e), newInitCmd(e), newPlanCmd(e), newBenchCmd(e), newDoctorCmd(e), newVersionCmd(e))
	describeCompletion(e, root)
	return root
}

// start applies the shared flags.
func (e *env) start() error {
	if e.threads < 1 {
		return usagef("--threads %d must be at least 1", e.threads)
	}
	parallel.SetThreads(e.threads)
	if _, err := blas.Install(); err != nil {
		return usageError{err}
	}
	return nil
}

// printJSON writes the command's one JSON document.
func (e *env) printJSON(v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// warn writes a line that is not part of the result.
func (e *env) warn(format string, args ...any) {
	fmt.Fprintf(e.err, "warning: "+format+"\n", args...)
}

// note is warn for what --quiet leaves out.
func (e *env) note(format string, args ...any) {
	if !e.quiet {
		fmt.Fprintf(e.err, format+"\n", args...)
	}
}
