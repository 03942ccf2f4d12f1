package peft

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// CheckOutput reports why a folder cannot be written to or replaced by a merged
// model. A folder that is not empty needs overwrite, and must be a model's then;
// one that is an input's, or holds an input, is refused always.
func CheckOutput(out string, overwrite bool, inputs ...string) error {
	info, err := os.Stat(out)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("output %s is a file, a folder is due", out)
	}
	for _, in := range inputs {
		if inside, err := isInside(in, info); errors.Is(err, os.ErrNotExist) {
			continue // reading it will say so
		} else if err != nil {
			return err
		} else if inside {
			return fmt.Errorf("output %s is the folder of the input %s, or holds it: choose another one", out, in)
		}
	}
	entries, err := os.ReadDir(out)
	if err != nil || len(entries) == 0 {
		return err
	}
	if !overwrite {
		return fmt.Errorf("output %s exists and is not empty; give --overwrite to replace it", out)
	}
	if _, err := os.Stat(filepath.Join(out, "config.json")); err != nil {
		return fmt.Errorf("output %s holds no config.json, so it is not a model and is not replaced: choose another one or empty it", out)
	}
	return nil
}

// isInside reports whether path is the folder or lies in it, links followed.
func isInside(path string, folder os.FileInfo) (bool, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	for err == nil {
		var info os.FileInfo
		if info, err = os.Stat(path); err == nil && os.SameFile(info, folder) {
			return true, nil
		}
		parent := filepath.Dir(path)
		if parent == path {
			break
		}
		path = parent
	}
	return false, err
}

// replaceFolder lets fill make a folder's content under a temporary name and then
// puts it in the place of out.
func replaceFolder(out string, fill func(dir string) error) (err error) {
	if real, err := filepath.EvalSymlinks(out); err == nil {
		out = real // what a link points at is replaced, not the link
	}
	out = filepath.Clean(out)
	parent := filepath.Dir(out)
	if err := fsutil.MkdirAll(parent); err != nil {
		return err
	}
	temp, err := fsutil.MkdirTemp(parent, "."+filepath.Base(out)+".tmp-*")
	if err != nil {
		return err
	}
	defer fsutil.RemoveAll(temp)
	made := filepath.Join(temp, "new")
	if err := fsutil.MkdirAll(made); err != nil {
		return err
	}
	if err := fill(made); err != nil {
		return err
	}
	old := filepath.Join(temp, "old") // removed with temp
	if err := fsutil.Rename(out, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := fsutil.Rename(made, out); err != nil {
		return errors.Join(err, fsutil.Rename(old, out))
	}
	return fsutil.SyncDir(parent)
}
