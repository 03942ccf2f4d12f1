// Package eval scores a model on evaluation tasks and gives the numbers that
// lm-evaluation-harness 0.4.13 gives: few-shot draws, requests, tokens of a
// context and its continuation, truncation, accuracies, answers taken out of
// generated text, standard errors, the paired difference of two models, and
// the results files.
//
// It knows tasks only as package task words them, and must not know how a
// model computes: Model is all it needs of one.
package eval
