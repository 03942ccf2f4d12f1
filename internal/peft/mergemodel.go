package peft

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/safetensors"
)

// Report says what a merge did.
type Report struct {
	Tensors  int // merged
	Elements int // of these
	Lost     int // of these: changed by the adapter, but rounded to the value they had
}

// Merge writes a complete model folder to out: base with the adapter folded in,
// in the base's shards and number formats. Untouched tensors and the other files
// are copied byte for byte. Where to is given, every F32, F16 and BF16 tensor is
// converted to it, and config.json and the index say so.
//
// The folder is made under a temporary name beside out and renamed when it is
// complete; see CheckOutput for what may be replaced. Tensors pass through one by
// one. What is wrong with base or adapter is an InputError.
func Merge(ctx context.Context, base *safetensors.Set, a *Adapter, out string, to *dtype.DType, overwrite bool) (Report, error) {
	m := &merger{ctx: ctx, base: base, to: to, pairs: map[string]*Pair{}}
	for i := range a.Pairs {
		p := &a.Pairs[i]
		name := p.Module + ".weight"
		if _, ok := base.Tensor(name); !ok {
			return Report{}, fsutil.Inputf(base.Dir(), "has no tensor %s for the adapter to change", name)
		}
		m.pairs[name] = p
	}
	inputs := []string{base.Dir()}
	if a.Dir != "" {
		inputs = append(inputs, a.Dir)
	}
	if err := CheckOutput(out, overwrite, inputs...); err != nil {
		return Report{}, err
	}
	err := replaceFolder(out, func(dir string) error {
		for _, shard := range base.Shards() {
			err := fsutil.WriteTo(filepath.Join(dir, shard), func(w io.Writer) error { return m.writeShard(w, shard) })
			if err != nil {
				return err
			}
		}
		return m.copyFiles(dir)
	})
	return m.report, err
}

// merger is a merge in progress.
type merger struct {
	ctx    context.Context
	base   *safetensors.Set
	to     *dtype.DType
	pairs  map[string]*Pair // by the name of the base's tensor
	report Report
	buf    []byte // the tensor being made
	bytes  int    // of all tensors so far
}

func (m *merger) writeShard(w io.Writer, shard string) error {
	f := m.base.File(shard)
	var tensors []safetensors.Tensor
	for _, t := range f.Tensors() {
		if d, ok := m.format(t); ok {
			t.DType = d.String()
		}
		t.Data = nil
		tensors = append(tensors, t)
	}
	return safetensors.WriteStream(w, tensors, f.Metadata(), func(t safetensors.Tensor) ([]byte, error) {
		if err := m.ctx.Err(); err != nil {
			return nil, err
		}
		source, _ := f.Tensor(t.Name)
		made, err := m.make(source)
		if err != nil {
			return nil, fsutil.Input(f.Path(), err)
		}
		f.Forget(t.Name) // no longer needed in memory; what was made of it is m.buf
		m.bytes += len(made.Data)
		return made.Data, nil
	})
}

// format is the format a tensor gets; it has none if it stays as it is for not
// being a weight.
func (m *merger) format(t safetensors.Tensor) (dtype.DType, bool) {
	d, err := t.Format()
	if err == nil && m.to != nil {
		d = *m.to
	}
	return d, err == nil
}

// make returns what becomes of a tensor. The result is valid until the next call.
func (m *merger) make(t safetensors.Tensor) (made safetensors.Tensor, err error) {
	to, ok := m.format(t)
	if n := t.Elements() * to.Size(); ok && cap(m.buf) < n {
		m.buf = make([]byte, 0, n)
	}
	switch p := m.pairs[t.Name]; {
	case p != nil:
		var stats MergeStats
		made, stats, err = mergeInto(m.buf, t, p, to)
		m.report.Tensors++
		m.report.Elements += stats.Elements
		m.report.Lost += stats.Lost
	case !ok || to.String() == t.DType:
		return t, nil
	default:
		made, err = convertInto(m.buf, t, to)
	}
	m.buf = made.Data
	return made, err
}

// copyFiles copies what else belongs to a model: settings, tokenizer, licence.
func (m *merger) copyFiles(dir string) error {
	entries, err := os.ReadDir(m.base.Dir())
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(m.base.Dir(), e.Name())
		// Stat, because the files of a download cache are links.
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || !m.copied(e.Name()) {
			continue
		}
		b, err := fsutil.ReadFile(path, fsutil.MaxFile)
		if err != nil {
			return err
		}
		if b, err = m.adjust(e.Name(), b); err != nil {
			return fsutil.Input(path, err)
		}
		if err := fsutil.WriteFile(filepath.Join(dir, e.Name()), b); err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) copied(name string) bool {
	switch {
	case name == safetensors.IndexFile:
		return m.base.Shards()[0] != safetensors.ModelFile // else it was not used
	case name == ConfigFile, strings.HasSuffix(name, ".index.json"):
		return false // would make the folder an adapter's; weights that are not copied
	case strings.HasPrefix(name, "LICENSE"), strings.HasPrefix(name, "README"):
		return true
	}
	switch filepath.Ext(name) {
	case ".json", ".model", ".txt", ".jinja":
		return true
	}
	return false
}

// adjust returns a file's content with the new number format in it.
func (m *merger) adjust(name string, b []byte) (_ []byte, err error) {
	if m.to == nil {
		return b, nil
	}
	switch name {
	case "config.json":
		value := map[dtype.DType]string{dtype.F32: `"float32"`, dtype.F16: `"float16"`, dtype.BF16: `"bfloat16"`}[*m.to]
		for _, key := range []string{"torch_dtype", "dtype"} {
			if b, err = setJSON(b, value, key); err != nil {
				return nil, err
			}
		}
	case safetensors.IndexFile:
		return setJSON(b, strconv.Itoa(m.bytes), "metadata", "total_size")
	}
	return b, nil
}

// setJSON replaces the value at a path of keys, where there is one, and leaves
// every other byte alone.
func setJSON(doc []byte, value string, path ...string) ([]byte, error) {
	if len(path) == 0 {
		return []byte(value), nil
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') || !json.Valid(doc) {
		return nil, fmt.Errorf("not a JSON object where %s is due", path[0])
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var old json.RawMessage
		if err := d.Decode(&old); err != nil {
			return nil, err
		}
		if key == path[0] {
			end := d.InputOffset()
			set, err := setJSON(old, value, path[1:]...)
			return bytes.Join([][]byte{doc[:end-int64(len(old))], set, doc[end:]}, nil), err
		}
	}
	return doc, nil
}
