package fsutil

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Sizes in bytes for ReadFile: of a file of settings, and of any file that is
// read whole.
const (
	MaxSettings = 16 << 20
	MaxFile     = 1 << 30
)

// ReadFile is os.ReadFile for a regular file of at most most bytes. Links are
// followed, as those of a download cache must be; devices and pipes, which may
// never end, are refused. Errors name the file.
func ReadFile(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(int(min(info.Size(), most)) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(f, most+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > most {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("longer than %d MiB", most>>20)}
	}
	return b.Bytes(), nil
}
