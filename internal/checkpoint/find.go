package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
)

const prefix = "checkpoint-"

func folderName(step int) string { return prefix + strconv.Itoa(step) }

// Path returns the place of the checkpoint of a step.
func Path(runDir string, step int) string { return filepath.Join(runDir, folderName(step)) }

// isLeftover recognises the hidden folders of an interrupted Write or removal.
func isLeftover(name string) bool { return strings.HasPrefix(name, "."+prefix) }

type folder struct {
	path string
	step int
}

// list returns the checkpoint folders of a run, the newest first.
func list(runDir string) ([]folder, error) {
	entries, err := os.ReadDir(runDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []folder
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), prefix)
		step, err := strconv.Atoi(digits)
		folderOrLink := e.IsDir() || e.Type() == fs.ModeSymlink // to another disk, say
		if ok && err == nil && step >= 0 && folderName(step) == e.Name() && folderOrLink {
			found = append(found, folder{filepath.Join(runDir, e.Name()), step})
		}
	}
	slices.SortFunc(found, func(a, b folder) int { return b.step - a.step })
	return found, nil
}

// Newest returns the name of a run's newest checkpoint, complete or not, and "" where
// there is none.
func Newest(runDir string) (string, error) {
	found, err := list(runDir)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return folderName(found[0].step), nil
}

// Latest returns the newest complete checkpoint of a run and its step; path is
// "" where there is none, or no run. Newer ones that are incomplete or damaged
// are passed over, and damaged says what is wrong with each.
func Latest(runDir string) (path string, step int, damaged []error, err error) {
	found, err := list(runDir)
	if err != nil {
		return "", 0, nil, err
	}
	for _, f := range found {
		err := Verify(f.path)
		if err == nil {
			return f.path, f.step, damaged, nil
		}
		var broken *fsutil.InputError
		if !errors.As(err, &broken) {
			return "", 0, damaged, err // a disk or permission that fails is no reason to go back
		}
		damaged = append(damaged, err)
	}
	return "", 0, damaged, nil
}
