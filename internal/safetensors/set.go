package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// File names of a Hugging Face model folder.
const (
	ModelFile = "model.safetensors"
	IndexFile = "model.safetensors.index.json"
)

// Set is the tensors of a model folder, from one file or from shards.
type Set struct {
	dir    string
	shards []string // file names, sorted
	files  map[string]*File
	shard  map[string]string // tensor name to file name
	names  []string          // sorted
}

// OpenModel opens a model folder: model.safetensors, or else the shards that
// model.safetensors.index.json lists. Index and shards must name the same
// tensors. What is broken is an *fsutil.InputError.
func OpenModel(dir string) (*Set, error) {
	s := &Set{dir: dir, files: map[string]*File{}}
	if _, err := os.Stat(filepath.Join(dir, ModelFile)); err == nil {
		s.shards = []string{ModelFile}
	} else if s.shard, err = readIndex(filepath.Join(dir, IndexFile)); err == nil {
		s.shards = slices.Compact(slices.Sorted(maps.Values(s.shard)))
	} else if errors.Is(err, os.ErrNotExist) {
		return nil, missingWeights(dir)
	} else {
		return nil, err
	}
	if err := s.open(); err != nil {
		s.Close()
		return nil, err
	}
	s.names = slices.Sorted(maps.Keys(s.shard))
	return s, nil
}

// open opens every shard and checks its content against the index, if there is
// one.
func (s *Set) open() error {
	for _, name := range s.shards {
		f, err := Open(filepath.Join(s.dir, name))
		if err != nil {
			return err
		}
		s.files[name] = f
	}
	if s.shard == nil {
		s.shard = map[string]string{}
		for _, t := range s.files[ModelFile].Tensors() {
			s.shard[t.Name] = ModelFile
		}
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.shard)) {
		if f := s.files[s.shard[name]]; !f.has(name) {
			return fsutil.Inputf(f.path, "tensor %.200q is missing, %s says it is here", name, IndexFile)
		}
	}
	for _, shard := range s.shards {
		f := s.files[shard]
		for _, t := range f.Tensors() {
			if s.shard[t.Name] != shard {
				return fsutil.Inputf(f.path, "tensor %.200q is not listed here by %s", t.Name, IndexFile)
			}
		}
	}
	return nil
}

func (f *File) has(name string) bool {
	_, ok := f.Tensor(name)
	return ok
}

func missingWeights(dir string) error {
	if info, err := os.Stat(dir); err != nil {
		return fsutil.Input(dir, errors.New("no such folder"))
	} else if !info.IsDir() {
		return fsutil.Input(dir, errors.New("not a folder"))
	}
	if _, err := os.Stat(filepath.Join(dir, "pytorch_model.bin")); err == nil {
		return fsutil.Inputf(dir, "holds pytorch_model.bin, but only safetensors weights are read: save the model again with safe_serialization=True")
	}
	return fsutil.Inputf(dir, "holds neither %s nor %s", ModelFile, IndexFile)
}

// readIndex returns the weight_map of an index: tensor name to file name.
func readIndex(path string) (map[string]string, error) {
	b, err := fsutil.ReadFile(path, fsutil.MaxFile)
	if err != nil {
		return nil, fsutil.Input(path, err)
	}
	d := newDecoder(b)
	var weights map[string]string
	err = d.object(func(key string) error {
		if key != "weight_map" {
			var skipped json.RawMessage
			return d.Decode(&skipped)
		}
		weights = map[string]string{}
		return d.stringMap(weights)
	})
	if err == nil {
		err = d.end()
	}
	if err == nil && len(weights) == 0 {
		err = errors.New("no weight_map, or an empty one")
	}
	if err != nil {
		return nil, fsutil.Input(path, err)
	}
	for _, tensor := range slices.Sorted(maps.Keys(weights)) {
		if err := checkShardName(weights[tensor]); err != nil {
			return nil, fsutil.Inputf(path, "weight_map: tensor %.200q: %w", tensor, err)
		}
	}
	return weights, nil
}

// checkShardName keeps an index from leading out of its folder.
func checkShardName(name string) error {
	if strings.ContainsAny(name, "/\\\x00") || strings.Contains(name, "..") || !strings.HasSuffix(name, ".safetensors") {
		return fmt.Errorf("%.200q is not the plain name of a .safetensors file", name)
	}
	return nil
}

// Close closes every shard.
func (s *Set) Close() error {
	var errs []error
	for _, name := range s.shards {
		if f := s.files[name]; f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// Dir is the folder the set was opened by.
func (s *Set) Dir() string { return s.dir }

// Names returns the names of all tensors, sorted.
func (s *Set) Names() []string { return s.names }

// Tensor returns the tensor of that name.
func (s *Set) Tensor(name string) (Tensor, bool) {
	f := s.files[s.shard[name]]
	if f == nil {
		return Tensor{}, false
	}
	return f.Tensor(name)
}

// Shards returns the names of the files, in order.
func (s *Set) Shards() []string { return s.shards }

// ShardOf returns the name of the file that holds the tensor, or "".
func (s *Set) ShardOf(name string) string { return s.shard[name] }

// File returns the open file of that name, one of Shards, or nil.
func (s *Set) File(shard string) *File { return s.files[shard] }
