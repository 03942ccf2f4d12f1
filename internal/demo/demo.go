package demo

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/fsutil"
)

//go:embed model data
var files embed.FS

// WriteTo writes the demo's model/ and data/ into dir, which it makes where it is
// absent, and returns the paths of the files. It overwrites nothing: a file that
// is there already is an error that wraps fs.ErrExist, found before anything is
// written.
func WriteTo(dir string) ([]string, error) {
	var names []string
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s: %w; choose another folder", path, fs.ErrExist)
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(dir, filepath.FromSlash(name))
		if err := write(paths[i], name); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// write copies one embedded file to a new file at path.
func write(path, name string) error {
	data, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	if err := fsutil.MkdirAll(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := fsutil.Open(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		fsutil.Remove(path) // half of it would stand in the way of the next try
		return err
	}
	return nil
}
