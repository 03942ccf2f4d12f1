package runfolder

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// Limits in bytes: of one row of a log, and of a file that is read whole.
const (
	maxLine = 1 << 20
	maxFile = 16 << 20
)

// eachRow calls fn with every line of a log. A last line without its end is
// passed over where it is no JSON and torn is set.
func eachRow(path string, torn bool, fn func(raw []byte) error) error {
	f, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, maxLine)
	for line := 1; ; line++ {
		text, err := r.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			return broken(path, line, errors.New("longer than any row"))
		}
		if err != nil && err != io.EOF {
			return fsutil.Input(path, err)
		}
		last := err == io.EOF
		if text = bytes.TrimSpace(text); len(text) > 0 && !(last && torn && !json.Valid(text)) {
			if err := fn(text); err != nil {
				return broken(path, line, err)
			}
		}
		if last {
			return nil
		}
	}
}

func broken(path string, line int, err error) error {
	return fsutil.Inputf(fmt.Sprintf("%s:%d", path, line), "%w; remove the line, or train again", err)
}

// openRegular opens a file that is no pipe, which would block.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, fsutil.Input(path, cause(err))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fsutil.Input(path, cause(err))
	}
	return f, nil
}

// cause drops the operation and path that os puts before its errors.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// readFile reads a small file whole; nil where there is none.
func readFile(path string) ([]byte, error) {
	f, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("longer than %d MiB, which no run writes", maxFile>>20)
	}
	if err != nil {
		return nil, fsutil.Input(path, err)
	}
	return raw, nil
}

// readJSON reads a small JSON file into v and says whether it is there.
func readJSON(path string, v any) (bool, error) {
	raw, err := readFile(path)
	if raw == nil || err != nil {
		return false, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fsutil.Input(path, err)
	}
	return true, nil
}
