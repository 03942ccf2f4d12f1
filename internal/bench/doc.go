// Package bench measures what this machine makes of a model's shape: training
// steps on random weights, prompt and decode speed, and beside them the
// machine's peak of multiply-adds, so that a fraction of the possible can be
// told.
//
// It must not know where a shape comes from or how results are shown.
package bench
