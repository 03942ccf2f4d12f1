package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// Write makes runDir/checkpoint-<step> of the files that files puts into dir,
// and returns its path. Where that checkpoint is there already, it is replaced.
// Files lie directly in dir; ManifestFile is a reserved name.
func Write(runDir string, step int, files func(dir string) error) (path string, err error) {
	name := folderName(step)
	tmp, err := fsutil.MkdirTemp(runDir, "."+name+".tmp-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			fsutil.RemoveAll(tmp)
		}
	}()
	if err := files(tmp); err != nil {
		return "", err
	}
	if err := seal(tmp); err != nil {
		return "", err
	}
	path = Path(runDir, step)
	old, err := setAside(path)
	if err != nil {
		return "", err
	}
	if err := fsutil.Rename(tmp, path); err != nil {
		return "", errors.Join(err, ignoreMissing(fsutil.Rename(old, path)))
	}
	if err := fsutil.SyncDir(runDir); err != nil {
		return "", err
	}
	return path, fsutil.RemoveAll(old)
}

// Prune removes all but the newest complete checkpoints, keepLast of them and
// at least one, and what interrupted writes left behind. Damaged folders newer
// than those kept are left alone.
func Prune(runDir string, keepLast int) error {
	if err := removeLeftovers(runDir); err != nil {
		return err
	}
	found, err := list(runDir)
	if err != nil {
		return err
	}
	kept := 0
	for _, f := range found {
		if kept >= max(1, keepLast) {
			if err := discard(f.path); err != nil {
				return err
			}
		} else if _, err := check(f.path); err == nil {
			kept++
		}
	}
	return nil
}

func removeLeftovers(runDir string) error {
	entries, err := os.ReadDir(runDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if isLeftover(e.Name()) {
			if err := fsutil.RemoveAll(filepath.Join(runDir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// CutBack removes the checkpoints beyond step, complete or not, for a run that
// is resumed from there: it will write them anew. What interrupted writes left
// behind goes too.
func CutBack(runDir string, step int) error {
	if err := removeLeftovers(runDir); err != nil {
		return err
	}
	found, err := list(runDir)
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.step > step {
			if err := discard(f.path); err != nil {
				return err
			}
		}
	}
	return nil
}

// discard removes a checkpoint so that no moment shows half of one.
func discard(path string) error {
	old, err := setAside(path)
	if err != nil {
		return err
	}
	return fsutil.RemoveAll(old)
}

// setAside hides a checkpoint, if there is one, and returns its hidden path.
func setAside(path string) (old string, err error) {
	old = filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".old")
	if err := fsutil.RemoveAll(old); err != nil {
		return "", err
	}
	if err := ignoreMissing(fsutil.Rename(path, old)); err != nil {
		return "", fmt.Errorf("replace %s: %w", path, err)
	}
	return old, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
