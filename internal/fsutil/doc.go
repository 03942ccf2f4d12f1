// Package fsutil holds what every package that touches files shares: InputError,
// which marks a file from outside as broken, and atomic writing of files and
// folders.
//
// It must not know what is in the files.
package fsutil
