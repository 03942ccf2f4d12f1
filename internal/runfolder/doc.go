// Package runfolder reads what a training run left in its folder: its settings,
// steps, evaluations, norms and accuracies, of a run that is finished or not.
// Open takes folders of runs, and of sweeps, which stand for their runs.
//
// The files are hostile: a broken line is an error that names file and line,
// and nothing is kept beyond the size of what was read. Only the line that a
// stopped writer tore, the last of an unfinished run, is passed over.
//
// It must not know how runs are trained, nor how they are shown.
package runfolder
