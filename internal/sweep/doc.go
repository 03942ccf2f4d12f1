// Package sweep trains a grid of configurations with several seeds, one run after
// the other on one base model, and compares them: spread over seeds, the best
// setting of each method, and paired tests on the same held-out items.
//
// Each run is one of package train in a folder of its own; sweep.json keeps the
// plan and what became of it, so that a sweep stopped anywhere goes on. The
// package must not know terminals, nor what a configuration key means beyond the
// few that it compares by.
package sweep
