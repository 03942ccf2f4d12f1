// Package stability watches what the steps of a run do to the factors of its
// adapter: Monitor measures norms and the three terms of the change of a
// module's output, tells early what will go wrong (a shrink that will not stop,
// one that did nothing, a loss that runs away), and sums the run up in the end.
//
// It only reads; no number of the training depends on it. It must not know
// files, configurations or terminals: it returns rows and sentences.
package stability
