package main

import (
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/tokenizer"
)

func newTokenizeCmd(e *env) *cobra.Command {
	var modelDir string
	var noSpecial bool
	cmd := &cobra.Command{
		Use:   "tokenize --model DIR [TEXT]",
		Short: "Show the tokens of a text",
		Long: `Show the ids and tokens of a text, given as the argument or on standard input,
which is taken whole. --no-special leaves out what the tokenizer adds by itself
(a BOS); special tokens written out in the text are recognised all the same.` + exitStatus,
		Example: `  stablelora tokenize --model models/Qwen2-0.5B "Hello world"
  stablelora tokenize --model models/Llama-3.2-1B --no-special --json < prompt.txt`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("takes one text, got %d arguments; quote the text", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := required(cmd, "model"); err != nil {
				return err
			}
			text, err := textOrInput(e, args)
			if err != nil {
				return err
			}
			return runTokenize(e, modelDir, text, !noSpecial)
		},
	}
	cmd.Flags().StringVar(&modelDir, "model", "", "folder with tokenizer.json")
	cmd.Flags().BoolVar(&noSpecial, "no-special", false, "add no special tokens")
	return cmd
}

func runTokenize(e *env, modelDir, text string, special bool) error {
	t, err := tokenizer.Load(modelDir)
	if err != nil {
		return err
	}
	ids := t.Encode(text, special)
	result := struct {
		IDs    []int32  `json:"ids"`
		Tokens []string `json:"tokens"`
	}{IDs: append([]int32{}, ids...), Tokens: []string{}}
	for _, id := range ids {
		result.Tokens = append(result.Tokens, t.Piece(id))
	}
	if e.json {
		return e.printJSON(result)
	}
	for i, id := range ids {
		fmt.Fprintf(e.out, "%d\t%q\n", id, result.Tokens[i])
	}
	return nil
}

// textOrInput is the text given, or standard input taken whole.
func textOrInput(e *env, given []string) (string, error) {
	if len(given) == 1 {
		if !utf8.ValidString(given[0]) {
			return "", usagef("the text is not UTF-8")
		}
		return given[0], nil
	}
	data, err := io.ReadAll(e.in)
	if err != nil {
		return "", fmt.Errorf("standard input: %w", err)
	}
	if !utf8.Valid(data) {
		return "", fsutil.Inputf("standard input", "the text is not UTF-8; convert it first")
	}
	return string(data), nil
}
