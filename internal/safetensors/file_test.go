package safetensors

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// testdata/dtypes.safetensors was written by the official library
// (scripts/golden/dtypes.py).
func TestReadsAndRewritesOfficialFile(t *testing.T) {
	f, err := Open("testdata/dtypes.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Tensors()) != 22 || f.Metadata()["format"] != "pt" || f.Path() != "testdata/dtypes.safetensors" {
		t.Errorf("%d tensors, metadata %v, path %s", len(f.Tensors()), f.Metadata(), f.Path())
	}
	if !slices.IsSortedFunc(f.Tensors(), func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("tensors are not sorted by name")
	}
	odd, ok := f.Tensor("odd \"\\ \b\f\n\r\t\x01\x7f </é\u2028")
	if v, err := odd.Float32s(); !ok || err != nil || len(v) != 1 || v[0] != 1.5 {
		t.Errorf("scalar %v = %v, %v", ok, v, err)
	}
	if _, ok := f.Tensor("absent"); ok {
		t.Error("found a tensor that is not there")
	}
	mustRewrite(t, f)
}

// mustRewrite checks that writing what a file holds gives the file's bytes.
func mustRewrite(t *testing.T, f *File) {
	t.Helper()
	tensors := slices.Clone(f.Tensors())
	slices.Reverse(tensors)
	var got bytes.Buffer
	if err := Write(&got, tensors, f.Metadata()); err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(f.Path()); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s: written again, the bytes differ (%v)", f.Path(), err)
	}
}

func TestRewritesFixtures(t *testing.T) {
	shared := filepath.Join("..", "..", "..", "shared", "fixtures")
	var files []string
	for _, pattern := range []string{"adapters/*/*.safetensors", "models/*/*.safetensors", "merge/*/*.safetensors", "optim/*.safetensors"} {
		m, err := filepath.Glob(filepath.Join(shared, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, m...)
	}
	if len(files) == 0 {
		t.Skip("the shared reference data is not beside this checkout")
	}
	for _, path := range files {
		f, err := Open(path)
		if err != nil {
			t.Error(err)
			continue
		}
		mustRewrite(t, f)
		f.Close()
	}
	t.Logf("%d files written again byte for byte", len(files))
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": "", "broken": "12345678{}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"empty": ": not a safetensors file", "broken": ": not a safetensors file", "absent": ": no such file", ".": ": not a regular file",
	} {
		path := filepath.Join(dir, name)
		_, err := Open(path)
		var input *fsutil.InputError
		if !errors.As(err, &input) || !strings.HasPrefix(err.Error(), path+want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Forgotten data can be read again.
func TestForget(t *testing.T) {
	values := make([]float32, 1<<16)
	for i := range values {
		values[i] = float32(i)
	}
	path := filepath.Join(t.TempDir(), "f")
	var b bytes.Buffer
	if err := Write(&b, []Tensor{F32Tensor("big", []int{1 << 16}, values), F32Tensor("small", nil, values[7:8]), F32Tensor("none", []int{0}, nil)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 2 {
		for _, name := range []string{"big", "small", "none", "absent"} {
			f.Forget(name)
		}
		big, _ := f.Tensor("big")
		small, _ := f.Tensor("small")
		if !slices.Equal(big.F32View(), values) || small.F32View()[0] != 7 {
			t.Fatal("data changed")
		}
	}
}

func TestCloseTwice(t *testing.T) {
	f, err := Open("testdata/dtypes.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if _, ok := f.Tensor("bool"); ok {
		t.Error("a closed file still hands out its memory")
	}
}

func TestWriteRefuses(t *testing.T) {
	a := F32Tensor("a", []int{1}, []float32{1})
	wrong := a
	wrong.Data = wrong.Data[:3]
	for _, c := range []struct {
		name    string
		tensors []Tensor
		want    string
	}{
		{"twice", []Tensor{a, a}, "the name is taken"},
		{"reserved", []Tensor{F32Tensor("__metadata__", nil, []float32{1})}, "the name is taken"},
		{"not UTF-8", []Tensor{F32Tensor("\xff", nil, []float32{1})}, "not valid UTF-8"},
		{"dtype", []Tensor{{Name: "a", DType: "Q4"}}, `unknown dtype "Q4"`},
		{"size", []Tensor{wrong}, "3 bytes of data for F32 of shape [1]"},
	} {
		if err := Write(io.Discard, c.tensors, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// Several metadata keys come out sorted, whatever the map's order.
func TestWriteIsDeterministic(t *testing.T) {
	var first []byte
	for range 20 {
		var b bytes.Buffer
		if err := Write(&b, nil, map[string]string{"b": "2", "a": "1", "d": "4", "c": "3"}); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b.Bytes()
		}
		if !bytes.Equal(first, b.Bytes()) || b.Len()%8 != 0 {
			t.Fatalf("wrote %q, then %q", first, b.Bytes())
		}
	}
	if !strings.Contains(string(first), `{"__metadata__":{"a":"1","b":"2","c":"3","d":"4"}}`) {
		t.Errorf("wrote %q", first)
	}
}
