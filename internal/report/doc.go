// Package report shows runs: Page makes one self-contained HTML page of
// pictures and tables from what runfolder has read, WriteEvents the event files
// that TensorBoard reads.
//
// A page is a function of the runs alone, without times or random names. It
// needs no network and no script, and everything in it that comes from a file
// is escaped.
//
// It must not know how runs are trained, nor read their files itself.
package report
