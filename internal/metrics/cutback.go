package metrics

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/stablelora/stablelora/internal/fsutil"
)

const maxLine = 1 << 20 // bytes; rows are far shorter

// CutBack removes the rows of steps beyond step, the evaluations after step
// itself, which a resumed run repeats, and a torn last line, from a file of rows
// in the order of their steps, and returns how many steps the remaining ones are
// of. A file that is not there needs no cutting. A broken line before that point is
// an error that names it.
func CutBack(path string, step int) (steps int, err error) {
	f, err := fsutil.Open(path, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	keep, steps, err := kept(path, f, step)
	if err != nil {
		return 0, err
	}
	if err := f.CutTo(keep); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return steps, f.Close()
}

// kept is the length of the rows that stay, and the number of their steps.
func kept(path string, f io.Reader, step int) (keep int64, steps int, err error) {
	r := bufio.NewReaderSize(f, maxLine)
	last := 0
	for line := 1; ; line++ {
		text, err := r.ReadSlice('\n')
		switch {
		case err == io.EOF: // the end, or the torn line a kill left
			return keep, steps, nil
		case err == bufio.ErrBufferFull:
			return 0, 0, brokenLine(path, line, "longer than any row")
		case err != nil:
			return 0, 0, err
		}
		var row struct {
			Step         *int
			LearningRate *float64 `json:"learning_rate"` // of training steps,
			Module       *string  // and of their stability rows
		}
		if json.Unmarshal(text, &row) != nil || row.Step == nil {
			if _, err := r.Peek(1); err == io.EOF {
				return keep, steps, nil // the last line, torn by a lost write
			}
			return 0, 0, brokenLine(path, line, "not a row with a step")
		}
		isStep := row.LearningRate != nil || row.Module != nil
		if *row.Step > step || *row.Step == step && !isStep {
			return keep, steps, nil
		}
		if isStep && *row.Step != last {
			last = *row.Step
			steps++
		}
		keep += int64(len(text))
	}
}

func brokenLine(path string, line int, what string) error {
	return fsutil.Inputf(path+":"+strconv.Itoa(line), "%s; remove the line to resume this run", what)
}
