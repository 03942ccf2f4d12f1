package records

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/fsutil"
)

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func zip(t *testing.T, text string) []byte {
	t.Helper()
	return zipped(text)
}

func zipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}

// collect returns "line raw" of each record.
func collect(path string) ([]string, error) {
	var got []string
	err := Read(path, func(where string, raw json.RawMessage) error {
		line := strings.TrimPrefix(where, path+":")
		got = append(got, fmt.Sprintf("%s %s", line, raw))
		return nil
	})
	return got, err
}

func TestRead(t *testing.T) {
	two := []string{`1 {"a":1}`, `2 {"a":2}`}
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"lines", "{\"a\":1}\n{\"a\":2}\n", two},
		{"the hub's rows", `{"features":[],"rows":[{"row_idx":7,"row":{"a":1},"truncated_cells":[]},{"row_idx":8,"row":{"a":2}}],"partial":false}`,
			[]string{`1 (row 7) {"a":1}`, `1 (row 8) {"a":2}`}},
		{"not the hub's", `{"rows":[{"row_idx":7,"row":{"a":1}}]}`, []string{`1 {"rows":[{"row_idx":7,"row":{"a":1}}]}`}},
		{"no final newline", "{\"a\":1}\n{\"a\":2}", two},
		{"bom and crlf", "\ufeff{\"a\":1}\r\n{\"a\":2}\r\n", two},
		{"blank lines", "\n {\"a\":1} \n\n \t\r\n{\"a\":2}\n\n", []string{`2 {"a":1}`, `5 {"a":2}`}},
		{"array", "[{\"a\":1},\n{\"a\":2}]", two},
		{"pretty array", "\ufeff\n[\n  {\"a\": [\n 1, {\"]\": \"\\\"],\"}]\n  }\n  ,\n  {\"a\":2}\n]\n",
			[]string{"3 {\"a\": [\n 1, {\"]\": \"\\\"],\"}]\n  }", `7 {"a":2}`}},
		{"surrogate pair", `{"a":"\ud83d\ude00 \\ud800"}`, []string{`1 {"a":"\ud83d\ude00 \\ud800"}`}},
		{"same key in two objects", `{"a":{"a":1},"b":[{"a":1},{"a":"b"}]}`, []string{`1 {"a":{"a":1},"b":[{"a":1},{"a":"b"}]}`}},
		{"long line", `{"a":"` + strings.Repeat("x", 200_000) + `"}`, []string{`1 {"a":"` + strings.Repeat("x", 200_000) + `"}`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := collect(write(t, "f.jsonl", []byte(tc.text)))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			got, err = collect(write(t, "f.jsonl.gz", zip(t, tc.text)))
			if err != nil || !cmp.Equal(tc.want, got) {
				t.Errorf("as gzip: %q, %v", got, err)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	gz := zip(t, strings.Repeat("{\"a\":1}\n", 1000))
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", ": the file holds no record"},
		{"blank", "\n \n", ": the file holds no record"},
		{"empty array", "[ ]\n", ": the file holds no record"},
		{"broken line", "{\"a\":1}\n{\"a\":\n", ":2: the record is not JSON: unexpected end of JSON input; each line must hold one object"},
		{"two on a line", "{\"a\":1} {\"a\":2}\n", ":1: the record is not JSON"},
		{"not an object", "\n3\n", ":2: the record is not a JSON object"},
		{"array after lines", "{}\n[1]\n", ":2: the record is not a JSON object"},
		{"latin-1", "{\"a\":\"\xe9\"}", ":1: the record is not UTF-8"},
		{"utf-16", "\xff\xfe{\x00}\x00", ":1: the record is not UTF-8"},
		{"key twice", `{"a":1,"b":2,"a":3}`, `:1: the record names "a" twice`},
		{"key twice by escape", `{"b":[{"a":1,"\u0061" : 3}]}`, `:1: the record names "a" twice`},
		{"half a pair", `{"a":"\ud83d"}`, ":1: the record holds half of a surrogate pair"},
		{"pair reversed", `{"a":"\ude00\ud83d"}`, ":1: the record holds half of a surrogate pair"},
		{"deep", `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", ":1: the record nests deeper than 100"},
		{"array cut off", "[{\"a\":1},\n{\"a\":", ":2: the file ends too early"},
		{"array cut after comma", "[{\"a\":1},\n", ":2: the file ends too early"},
		{"array cut after element", "[{\"a\":1}", ":1: the file ends too early"},
		{"array trailing comma", "[{\"a\":1},]", ":1: the record is not JSON"},
		{"array empty element", "[,{\"a\":1}]", ":1: the record is not JSON"},
		{"array unbalanced", "[{\"a\":1}}]", ":1: the file ends too early"},
		{"after the array", "[{\"a\":1}]\n{}", ":2: something follows"},
		{"gzip cut off", string(gz[:len(gz)-6]), ":1001: the file ends too early"},
		{"gzip header", "\x1f\x8b\x00", ": "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := write(t, "f.jsonl", []byte(tc.text))
			_, err := collect(path)
			var in *fsutil.InputError
			if !errors.As(err, &in) || !strings.HasPrefix(err.Error(), path+tc.want) {
				t.Errorf("got %v, want an input error %q", err, tc.want)
			}
		})
	}
	if _, err := collect(t.TempDir() + "/absent"); err == nil || strings.Count(err.Error(), "absent") != 1 {
		t.Errorf("absent file: %v", err)
	}
}

func TestReadBoundsRecords(t *testing.T) {
	for _, text := range []string{`{"a":"0123456789"}`, `[{"a":"0123456789"}]`} {
		src, err := decompress(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		r := &reader{path: "f", src: src, line: 1, max: 10}
		if err := r.run(); err == nil || !strings.Contains(err.Error(), "longer than 10 bytes") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestReadReturnsErrorOfCallback(t *testing.T) {
	stop, calls := errors.New("stop"), 0
	err := Read(write(t, "f", []byte("{}\n{}\n{}")), func(string, json.RawMessage) error {
		if calls++; calls == 2 {
			return stop
		}
		return nil
	})
	if err != stop || calls != 2 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

// TestBombs: small files that unpack to very much end early.
func TestBombs(t *testing.T) {
	for _, c := range []struct{ name, part, want string }{
		{"one line", strings.Repeat("0", 1<<22), "longer than 67108864 bytes"},
		{"blank lines", strings.Repeat("\n", 1<<22), "unpacks to more than 200 times its size"},
		{"records", strings.Repeat(`{"a":"`+strings.Repeat("x", 1000)+"\"}\n", 1<<12), "unpacks to more than 200 times its size"},
		{"an array", "[" + strings.Repeat(" ", 1<<22), "longer than 67108864 bytes"},
	} {
		member := zipped(c.part)
		file := bytes.Repeat(member, (512<<20)/len(c.part)) // gzip reads one member after the other
		path := write(t, "f.gz", file)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := Read(path, func(string, json.RawMessage) error { return nil })
		runtime.ReadMemStats(&after)
		if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 2048 {
			t.Errorf("%s: %d MiB allocated", c.name, mib)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// TestLargeRecords: what is long, deep or of many parts takes time in proportion.
func TestLargeRecords(t *testing.T) {
	const n = 1 << 20
	var keys strings.Builder
	for i := range n / 16 {
		fmt.Fprintf(&keys, `"k%d":{},`, i)
	}
	for name, text := range map[string]string{
		"a text": `{"a":"` + strings.Repeat("x", n) + `"}`, "escapes": `{"a":"` + strings.Repeat(`\ud83d\ude00`, n/12) + `"}`,
		"digits": `{"a":` + strings.Repeat("7", n) + `}`, "keys": "{" + keys.String() + `"a":1}`,
		"space": `{"a"` + strings.Repeat(" ", n) + `:1}`, "lists": `{"a":[` + strings.Repeat("[],", n/3) + `1]}`,
		"deep": `{"a":` + strings.Repeat("[", n) + `}`, "an array": "[" + strings.Repeat("{},", n/3) + "{}]",
	} {
		path := write(t, "f", []byte(text))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = Read(path, func(string, json.RawMessage) error { return nil })
		runtime.ReadMemStats(&after)
		if per := (after.TotalAlloc - before.TotalAlloc) / n; per > 300 {
			t.Errorf("%s: %d bytes allocated for each of the file's", name, per)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(zipped("{\"a\":1}\n{\"a\":2}\n"))
	f.Add([]byte(`{"features":[],"rows":[{"row_idx":7,"row":{"a":1},"truncated_cells":[]}]}`))
	if file, err := os.ReadFile("../parquet/testdata/nested.parquet"); err == nil {
		f.Add(file)
	}
	f.Add([]byte("[{\"a\":\"\\ud800\"},{}"))
	f.Add([]byte("{\"a\":{\"b\":[]}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		err := Read(path, func(where string, raw json.RawMessage) error {
			var m map[string]any
			return json.Unmarshal(raw, &m)
		})
		var in *fsutil.InputError
		if err != nil && !errors.As(err, &in) {
			t.Errorf("record handed out is no object: %v", err)
		}
	})
}
