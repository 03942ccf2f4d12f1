package safetensors

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	mmap "github.com/edsrzf/mmap-go"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// File is an open safetensors file. It is safe for concurrent use until Close.
type File struct {
	path     string
	mapping  mmap.MMap
	tensors  []Tensor // sorted by name
	metadata map[string]string
}

// Open maps a file and checks its header. A file that breaks any rule of the
// format is an *fsutil.InputError.
func Open(path string) (*File, error) {
	f, err := openFile(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err // InputError names the path already
		}
		return nil, fsutil.Input(path, err)
	}
	return f, nil
}

func openFile(path string) (*File, error) {
	// A named pipe would block in Open.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the mapping outlives it
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	f := &File{path: path}
	if info.Size() > 0 { // nothing cannot be mapped; parse refuses it
		if f.mapping, err = mmap.Map(file, mmap.RDONLY, 0); err != nil {
			return nil, fmt.Errorf("map into memory: %w", err)
		}
		enlist(f)
	}
	if f.tensors, f.metadata, err = parse(f.mapping); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close unmaps the file. No tensor's Data may be used afterwards.
func (f *File) Close() error {
	if f.mapping == nil {
		return nil
	}
	f.tensors = nil
	strike(f)
	return f.mapping.Unmap()
}

// Path is the path the file was opened by.
func (f *File) Path() string { return f.path }

// Metadata is the file's __metadata__, nil where there is none.
func (f *File) Metadata() map[string]string { return f.metadata }

// Tensors returns the tensors sorted by name. The slice belongs to the file.
func (f *File) Tensors() []Tensor { return f.tensors }

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := slices.BinarySearchFunc(f.tensors, name, func(t Tensor, name string) int {
		return strings.Compare(t.Name, name)
	})
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Forget tells the system that a tensor's data need not stay in memory. It
// remains valid and is read from the file again when touched.
func (f *File) Forget(name string) {
	if t, ok := f.Tensor(name); ok && len(t.Data) > 0 {
		forget(t.Data)
	}
}
