// Package train is the fine-tuning loop: it opens what a configuration names,
// runs optimizer steps, writes the run's files, and saves and resumes
// checkpoints.
//
// The step itself is step.go. The package must not know terminals (it gets a
// metrics.Reporter) nor evaluation tasks (it gets a function to call).
package train
