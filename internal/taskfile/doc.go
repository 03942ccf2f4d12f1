// Package taskfile reads a user's own evaluation task: a YAML file with
// lm-evaluation-harness's keys, which becomes a task.Task that words and scores
// documents as the harness 0.4.13 would.
//
// Wording is Jinja (package jinja). What the harness has and this package has
// not, functions of Python above all, is refused by name, file and line; so is
// what is misspelt. All problems are told at once. Files are hostile: they are
// bounded in size, and aliases are refused.
//
// It must not know models, tokenizers or how documents are read.
package taskfile
