// Package cost is the model of what a training run costs: operations, memory by
// part, time at measured or given rates, energy and money. bench counts with it,
// train checks its memory with it, plan tells it before anything is started:
// there is one definition of each figure.
//
// It must not know configurations, files or the machine: shapes, sequences and
// rates are given to it.
package cost
