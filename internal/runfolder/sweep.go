package runfolder

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/metrics"
)

// sweepFile marks the folder of a sweep: one row for each run, whose folder the
// column "folder" names.
const sweepFile = "sweep.csv"

// Open reads the runs of all folders, in order and each once. A folder with a
// sweep.csv stands for its runs; those of them that have not begun are counted
// in waiting.
func Open(dirs []string) (runs []*Run, waiting int, err error) {
	seen := map[string]bool{}
	for _, dir := range dirs {
		if err := isFolder(dir); err != nil {
			return nil, 0, err
		}
		folders := []string{dir}
		if _, err := os.Stat(filepath.Join(dir, sweepFile)); err == nil {
			all, err := sweepFolders(dir)
			if err != nil {
				return nil, 0, err
			}
			folders = nil
			for _, f := range all {
				if _, err := os.Stat(filepath.Join(f, metrics.MetricsFile)); errors.Is(err, fs.ErrNotExist) {
					waiting++
				} else {
					folders = append(folders, f)
				}
			}
			if len(folders) == 0 {
				return nil, 0, fsutil.Inputf(dir, "is a sweep of which no run has begun")
			}
		}
		for _, f := range folders {
			abs, err := filepath.Abs(f)
			if err != nil {
				return nil, 0, err
			}
			if seen[abs] {
				continue
			}
			seen[abs] = true
			run, err := Read(f)
			if err != nil {
				return nil, 0, err
			}
			runs = append(runs, run)
		}
	}
	return runs, waiting, nil
}

// sweepFolders returns the folders that a sweep.csv names, inside its own.
func sweepFolders(dir string) ([]string, error) {
	path := filepath.Join(dir, sweepFile)
	raw, err := fsutil.ReadFile(path, fsutil.MaxSettings)
	if err != nil {
		return nil, fsutil.Input(path, err)
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, fsutil.Inputf(path, "holds no table: %w", err)
	}
	column := slices.Index(head, "folder")
	if column < 0 {
		return nil, fsutil.Inputf(path, "has no column %q", "folder")
	}
	var folders []string
	for {
		row, err := r.Read()
		if err == io.EOF {
			return folders, nil
		}
		if err != nil {
			return nil, fsutil.Input(path, err)
		}
		line, _ := r.FieldPos(column)
		if !filepath.IsLocal(row[column]) {
			return nil, fsutil.Inputf(fmt.Sprintf("%s:%d", path, line), "the folder %q is not inside the sweep's", row[column])
		}
		folders = append(folders, filepath.Join(dir, row[column]))
	}
}
