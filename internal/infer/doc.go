// Package infer runs a trained model: it scores given continuations and
// generates text with a key-value cache, greedily or by sampling, and for
// evaluation several texts at a time.
//
// It joins model, adapter and tokenizer, and must not know evaluation tasks or
// how results are reported.
package infer
