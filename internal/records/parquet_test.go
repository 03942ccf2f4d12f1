package records

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/fsutil"
)

func TestReadParquet(t *testing.T) {
	got, err := collect("../parquet/testdata/openbookqa.parquet")
	if err != nil || len(got) != 3 || !strings.HasPrefix(got[1], `2 {"id":"7-584","question_stem":"Quand`) {
		t.Errorf("%q, %v", got, err)
	}
	file, err := os.ReadFile("../parquet/testdata/openbookqa.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		file []byte
		want string
	}{
		{file[:len(file)/2], "data.jsonl: the Parquet file has no footer"},
		{append(append([]byte("PAR1"), make([]byte, 100)...), file[100:]...), "data.jsonl:1: "},
	} {
		path := write(t, "data.jsonl", tc.file)
		var input *fsutil.InputError
		if _, err := collect(path); !errors.As(err, &input) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
}

// The authors of PIQA and Social IQa keep the labels in a file of their own.
func TestLabelsApart(t *testing.T) {
	records := "{\"a\":1}\n{\"a\":2,\"label\":7}\n{}\n"
	for _, tc := range []struct {
		labels string
		want   []string
		err    string
	}{
		{"1\n0\r\n2\n", []string{`1 {"a":1,"label":"1"}`, `2 {"a":2,"label":7}`, `3 {"label":"2"}`}, ""},
		{"1\n0\n", []string{`1 {"a":1,"label":"1"}`, `2 {"a":2,"label":7}`}, "dev.jsonl:3: there is no label for it"},
		{"1\n0\n2\n2\n", []string{`1 {"a":1,"label":"1"}`, `2 {"a":2,"label":7}`, `3 {"label":"2"}`}, "dev-labels.lst: it has 4 labels for the 3 records"},
	} {
		path := write(t, "dev.jsonl", []byte(records))
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "dev-labels.lst"), []byte(tc.labels), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := collect(path)
		if d := cmp.Diff(tc.want, got); d != "" || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%v\n%s", err, d)
		}
	}
}
