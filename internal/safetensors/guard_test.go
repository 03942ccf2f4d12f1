package safetensors

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stablelora/stablelora/internal/fsutil"
)

func TestGuard(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be cut off there")
	}
	var b bytes.Buffer
	if err := Write(&b, []Tensor{F32Tensor("x", []int{1 << 14}, make([]float32, 1<<14))}, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, _ := f.Tensor("x")
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	err = Guard(func() error {
		if x.FirstNonFinite() >= 0 {
			return errors.New("found something")
		}
		return nil
	})
	var input *fsutil.InputError
	if !errors.Is(err, ErrUnreadable) || !errors.As(err, &input) || input.Path != path {
		t.Errorf("a file that was cut off: %v", err)
	}

	// Everything else is left as it is.
	mine := errors.New("mine")
	if err := Guard(func() error { return mine }); err != mine {
		t.Errorf("an error became %v", err)
	}
	for name, f := range map[string]func(){
		"a panic":       func() { panic(mine) },
		"a nil pointer": func() { var p *Tensor; _ = p.Name },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was swallowed", name)
				}
			}()
			_ = Guard(func() error { f(); return nil })
		}()
	}
}
