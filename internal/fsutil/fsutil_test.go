package fsutil

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"first", "second, longer", ""} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("read %q, wrote %q", got, text)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A write that fails leaves the old content and nothing beside it.
func TestFailedWriteLeavesOld(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := WriteTo(path, func(w io.Writer) error {
		fmt.Fprint(w, "half of the n")
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("content %q", got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files are left in the folder", len(entries))
	}
	if err := WriteFile(filepath.Join(dir, "absent", "file"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a folder that is not there: %v", err)
	}
}

func TestInputError(t *testing.T) {
	err := fmt.Errorf("load: %w", Inputf("data.jsonl:17", "has no %s: %w", "prompt", io.EOF))
	var input *InputError
	if !errors.As(err, &input) || input.Path != "data.jsonl:17" || !errors.Is(err, io.EOF) {
		t.Errorf("%#v", err)
	}
	if want := "load: data.jsonl:17: has no prompt: EOF"; err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
	denied := &fs.PathError{Op: "open", Path: "a/data.jsonl", Err: fs.ErrPermission}
	for path, want := range map[string]string{
		"a/data.jsonl":   "a/data.jsonl: permission denied",
		"a/data.jsonl:3": "a/data.jsonl:3: permission denied",
		"a":              "a: open a/data.jsonl: permission denied",
	} {
		if err := Input(path, denied); err.Error() != want || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(path, []byte("12345"), 0o644), os.Symlink("file", link)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} {
		if got, err := ReadFile(p, 5); err != nil || string(got) != "12345" {
			t.Errorf("%s: %q, %v", p, got, err)
		}
		if _, err := ReadFile(p, 4); err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: five bytes are read where four may be: %v", p, err)
		}
	}
	for _, p := range []string{dir, os.DevNull} {
		if _, err := ReadFile(p, 5); err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if _, err := ReadFile(filepath.Join(dir, "absent"), 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}
