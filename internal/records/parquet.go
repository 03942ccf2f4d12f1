package records

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/parquet"
)

// readParquet hands out the rows of a Parquet file, whose lines are their numbers
// from 1.
func readParquet(f *os.File, path string, fn func(string, json.RawMessage) error) error {
	info, err := f.Stat()
	if err != nil {
		return fsutil.Input(path, err)
	}
	r := &reader{path: path, fn: fn}
	var own error // what is not the file's fault, or told already
	err = parquet.Rows(f, info.Size(), MaxRecord, func(row int, object []byte) error {
		own = r.emit(row, object)
		return own
	})
	row := (*parquet.RowError)(nil)
	switch {
	case own != nil:
		return own
	case errors.As(err, &row):
		return fsutil.Input(fmt.Sprintf("%s:%d", path, row.Row), err)
	case err != nil:
		return fsutil.Input(path, err)
	case r.count == 0:
		return fsutil.Inputf(path, "the Parquet file has no rows")
	}
	return nil
}
