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

// maxLine is the longest row of a log, in bytes.
const maxLine = 1 << 20

// eachRow calls fn with every line of a log. A last line without its end is
// passed over where it is no JSON and torn is set.
func eachRow(path string, torn bool, fn func(raw []byte) error) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // a pipe would block
		err = errors.New("not a regular file")
	}
	if err != nil {
		return fsutil.Input(path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return fsutil.Input(path, err)
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

// readFile reads a small file whole; nil where there is none.
func readFile(path string) ([]byte, error) {
	raw, err := fsutil.ReadFile(path, fsutil.MaxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
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
