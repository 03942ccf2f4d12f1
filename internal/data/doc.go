// Package data turns files of records into examples and hands them out in
// batches. It owns the data formats: how a record becomes a prompt and a
// completion (the evaluation tasks' wording comes from package task, chat
// templates from package chat), how those become tokens, which of the tokens are
// supervised, and the order in which an epoch goes through the examples.
//
// All records are read and tokenized when a Set is loaded, so that a broken one
// is found before training begins; their texts are not kept. A batch is a pure
// function of set, seed and step.
//
// It must not know models or adapters.
package data
