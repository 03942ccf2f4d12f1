package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rows(file []byte, max int) ([]any, error) {
	var all []any
	err := Rows(bytes.NewReader(file), int64(len(file)), max, func(row int, object []byte) error {
		v, err := exact(object)
		if err != nil {
			return err
		}
		all = append(all, v)
		if row != len(all) {
			return errors.New("rows are counted wrong")
		}
		return nil
	})
	return all, err
}

// exact reads JSON with numbers as they are written: 1.0 is not 1.
func exact(object []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	return v, d.Decode(&v)
}

// TestRows compares with what pyarrow reads (scripts/golden/parquet.py).
func TestRows(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(paths) < 8 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(strings.TrimSuffix(path, ".parquet"), "_")
		text, err := os.ReadFile(name + ".jsonl")
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var want []any
		for line := range bytes.Lines(text) {
			v, err := exact(line)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, v)
		}
		got, err := rows(file, 1<<20)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", path, err, d)
		}
	}
}

func TestRefuses(t *testing.T) {
	read := func(name string) []byte {
		file, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	nested := read("nested.parquet")
	for _, tc := range []struct {
		file []byte
		max  int
		want string
	}{
		{nested[:len(nested)-1], 1 << 20, "no footer"},
		{nested[:len(nested)/2], 1 << 20, "no footer"},
		{[]byte(Magic), 1 << 20, "no footer"},
		{read("delta.parquet"), 1 << 20, "encoding DELTA_BYTE_ARRAY is not read here; write the file anew"},
		{read("brotli.parquet"), 1 << 20, "compression BROTLI is not read here"},
		{read("latin1.parquet"), 1 << 20, `column "text": a text is not UTF-8`},
		{nested, 10, "the row is longer than 10 bytes"},
	} {
		if _, err := rows(tc.file, tc.max); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
}

// TestSpoilt changes each byte of each small file; whatever is read, it must end.
func TestSpoilt(t *testing.T) {
	paths, _ := filepath.Glob("testdata/*.parquet")
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(file) > 2000 {
			continue
		}
		for i := range file {
			by := []byte{0x01, 0xff}[i%2]
			file[i] ^= by
			rows(file, 1<<20)
			file[i] ^= by
		}
	}
}

func FuzzRows(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.parquet")
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows(file, 1<<16)
	})
}
