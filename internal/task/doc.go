// Package task holds the wording and the scoring rules of each evaluation task
// exactly as lm-evaluation-harness 0.4.13 has them: how a document becomes a
// context and its choices or reference answer, which metrics count, and how an
// answer is taken out of a generated text. Training on a task's data and
// scoring it share these strings.
//
// The documents may have the hub's schema or that of the authors' own files;
// Parse finds the fields by itself. Strings are treated as Python would treat
// them (python.go).
//
// It must not know models, tokenizers or files.
package task
