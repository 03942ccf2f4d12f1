package fsutil

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

// Change is one thing done to the file system; To is a rename's new name.
type Change struct{ Op, Path, To string }

// The operations of a Change.
const (
	OpCreate   = "create"
	OpMkdir    = "mkdir"
	OpWrite    = "write"
	OpTruncate = "truncate"
	OpSync     = "sync"
	OpSyncDir  = "sync folder"
	OpRename   = "rename"
	OpRemove   = "remove"
)

var fault atomic.Pointer[func(Change) error]

// InjectFaults is for tests: f is asked ahead of every change, and the error it
// returns stands for the change, of which a write does half. The returned
// function ends it. Only changes made through this package are seen; a test
// holds all others to it.
func InjectFaults(f func(Change) error) (end func()) {
	fault.Store(&f)
	return func() { fault.Store(nil) }
}

func ask(op, path, to string) error {
	f := fault.Load()
	if f == nil {
		return nil
	}
	if err := (*f)(Change{op, path, to}); err != nil {
		return &fs.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

// File is an open file that is written to.
type File struct{ f *os.File }

// Open opens a file for writing, with the flags of os.OpenFile, and makes it
// where they say so.
func Open(path string, flag int) (*File, error) {
	if err := ask(OpCreate, path, ""); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return nil, err
	}
	return &File{f}, nil
}

func createTemp(dir, pattern string) (*File, error) {
	if err := ask(OpCreate, filepath.Join(dir, pattern), ""); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, err
	}
	return &File{f}, nil
}

// Name returns the path the file was opened by.
func (f *File) Name() string { return f.f.Name() }

// Read reads from where the file stands.
func (f *File) Read(b []byte) (int, error) { return f.f.Read(b) }

// Write writes b where the file stands, or at its end if opened so.
func (f *File) Write(b []byte) (int, error) {
	if err := ask(OpWrite, f.Name(), ""); err != nil {
		n, _ := f.f.Write(b[:len(b)/2])
		return n, err
	}
	return f.f.Write(b)
}

// CutTo makes the file n bytes long and goes to its end.
func (f *File) CutTo(n int64) error {
	if err := ask(OpTruncate, f.Name(), ""); err != nil {
		return err
	}
	if err := f.f.Truncate(n); err != nil {
		return err
	}
	_, err := f.f.Seek(n, 0)
	return err
}

// Sync makes what was written durable.
func (f *File) Sync() error {
	if err := ask(OpSync, f.Name(), ""); err != nil {
		return err
	}
	return f.f.Sync()
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// SyncDir makes renames and new names in dir durable.
func SyncDir(dir string) error {
	if err := ask(OpSyncDir, dir, ""); err != nil {
		return err
	}
	return syncDir(dir)
}

// MkdirAll makes a folder and those above it.
func MkdirAll(path string) error {
	if err := ask(OpMkdir, path, ""); err != nil {
		return err
	}
	return os.MkdirAll(path, 0o755)
}

// MkdirTemp makes a folder of a new name in dir; see os.MkdirTemp.
func MkdirTemp(dir, pattern string) (string, error) {
	if err := ask(OpMkdir, filepath.Join(dir, pattern), ""); err != nil {
		return "", err
	}
	path, err := os.MkdirTemp(dir, pattern)
	if err != nil {
		return "", err
	}
	return path, os.Chmod(path, 0o755)
}

// Rename is os.Rename.
func Rename(from, to string) error {
	if err := ask(OpRename, from, to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// Remove is os.Remove: of a folder only if it is empty.
func Remove(path string) error {
	if err := ask(OpRemove, path, ""); err != nil {
		return err
	}
	return os.Remove(path)
}

// RemoveAll is os.RemoveAll.
func RemoveAll(path string) error {
	if err := ask(OpRemove, path, ""); err != nil {
		return err
	}
	return os.RemoveAll(path)
}
