package safetensors

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// folder writes files to a temporary folder and returns it. A name that ends in
// .safetensors becomes a file with the scalars its content lists, separated by
// spaces.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		b := []byte(content)
		if strings.HasSuffix(name, ".safetensors") {
			var tensors []Tensor
			for i, n := range strings.Fields(content) {
				tensors = append(tensors, F32Tensor(n, nil, []float32{float32(i)}))
			}
			var w bytes.Buffer
			if err := Write(&w, tensors, nil); err != nil {
				t.Fatal(err)
			}
			b = w.Bytes()
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenModel(t *testing.T) {
	index := `{"metadata":{"total_size":12,"x":[[{}]]},"weight_map":{"c":"2.safetensors","b":"1.safetensors","a":"2.safetensors"}}`
	for _, c := range []struct {
		name   string
		files  map[string]string
		names  []string
		shards []string
	}{
		{"one file", map[string]string{ModelFile: "b a"}, []string{"a", "b"}, []string{ModelFile}},
		{"shards", map[string]string{"1.safetensors": "b", "2.safetensors": "a c", IndexFile: index}, []string{"a", "b", "c"}, []string{"1.safetensors", "2.safetensors"}},
		{"both: the one file wins", map[string]string{ModelFile: "q", IndexFile: "{"}, []string{"q"}, []string{ModelFile}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.files)
			s, err := OpenModel(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if !slices.Equal(s.Names(), c.names) || !slices.Equal(s.Shards(), c.shards) || s.Dir() != dir {
				t.Errorf("names %v, shards %v, want %v, %v", s.Names(), s.Shards(), c.names, c.shards)
			}
			for _, n := range s.Names() {
				x, ok := s.Tensor(n)
				if _, there := s.File(s.ShardOf(n)).Tensor(n); !ok || x.Name != n || !there {
					t.Errorf("Tensor(%s) = %+v, %v", n, x, ok)
				}
			}
			if _, ok := s.Tensor("absent"); ok || s.ShardOf("absent") != "" {
				t.Error("found a tensor that is not there")
			}
		})
	}
}

func TestOpenModelRefuses(t *testing.T) {
	index := func(shard string) string { return `{"weight_map":{"a":` + shard + `}}` }
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", nil, ": holds neither model.safetensors nor model.safetensors.index.json"},
		{"pickle", map[string]string{"pytorch_model.bin": ""}, "only safetensors weights are read"},
		{"shard absent", map[string]string{IndexFile: index(`"1.safetensors"`)}, "1.safetensors: no such file"},
		{"tensor absent", map[string]string{IndexFile: index(`"1.safetensors"`), "1.safetensors": ""}, `1.safetensors: tensor "a" is missing`},
		{"tensor not listed", map[string]string{IndexFile: index(`"1.safetensors"`), "1.safetensors": "a b"}, `1.safetensors: tensor "b" is not listed`},
		{"up", map[string]string{IndexFile: index(`"../x.safetensors"`)}, "not the plain name"},
		{"dots", map[string]string{IndexFile: index(`"..safetensors"`)}, "not the plain name"},
		{"absolute", map[string]string{IndexFile: index(`"/etc/x.safetensors"`)}, "not the plain name"},
		{"backslash", map[string]string{IndexFile: index(`"a\\x.safetensors"`)}, "not the plain name"},
		{"other kind", map[string]string{IndexFile: index(`"passwd"`)}, `tensor "a": "passwd" is not the plain name`},
		{"shard is a number", map[string]string{IndexFile: index(`1`)}, "found 1 where a string is due"},
		{"tensor twice", map[string]string{IndexFile: index(`"1.safetensors","a":"2.safetensors"`)}, `key "a" comes twice`},
		{"no map", map[string]string{IndexFile: `{"metadata":{}}`}, "no weight_map"},
		{"empty map", map[string]string{IndexFile: `{"weight_map":{}}`}, "or an empty one"},
		{"not an object", map[string]string{IndexFile: `[]`}, "found [ where '{' is due"},
		{"deep", map[string]string{IndexFile: `{"x":` + strings.Repeat("[", 1<<20)}, "exceeded max depth"},
		{"behind", map[string]string{IndexFile: index(`"1.safetensors"`) + "{"}, "follows the closing brace"},
		{"broken file", map[string]string{IndexFile: index(`"1.safetensors"`), "1.safetensors": "a a2", "x": ""}, `tensor "a2" is not listed`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.files)
			_, err := OpenModel(dir)
			var input *fsutil.InputError
			if !errors.As(err, &input) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), dir) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	if _, err := OpenModel(filepath.Join(t.TempDir(), "absent")); err == nil || !strings.HasSuffix(err.Error(), "no such folder") {
		t.Errorf("absent folder: %v", err)
	}
}

// FuzzIndex opens a folder with any index beside one good shard. No name leads
// out of the folder, where another good file lies.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":2},"weight_map":{"a":"x.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../y.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"x.safetensors","b":"/y.safetensors"}}`))
	dir := f.TempDir()
	inside := filepath.Join(dir, "in")
	shard := build(one("[2]", "[0,2]"), "12")
	if err := errors.Join(os.Mkdir(inside, 0o755), os.WriteFile(filepath.Join(inside, "x.safetensors"), shard, 0o644),
		os.WriteFile(filepath.Join(dir, "y.safetensors"), shard, 0o644)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, index []byte) {
		if err := os.WriteFile(filepath.Join(inside, IndexFile), index, 0o644); err != nil {
			t.Fatal(err)
		}
		set, err := OpenModel(inside)
		if err != nil {
			var input *fsutil.InputError
			if !errors.As(err, &input) {
				t.Errorf("not an input error: %v", err)
			}
			return
		}
		defer set.Close()
		if x, ok := set.Tensor("a"); !ok || len(set.Names()) != 1 || len(set.Shards()) != 1 || len(x.Data) != 2 {
			t.Errorf("%s opens %v of %v", index, set.Names(), set.Shards())
		}
	})
}

// TestLinks: the files of a download cache are links to files elsewhere.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	snapshot := filepath.Join(dir, "snapshots", "main")
	if err := errors.Join(os.MkdirAll(snapshot, 0o755), os.Mkdir(filepath.Join(dir, "blobs"), 0o755),
		os.WriteFile(filepath.Join(dir, "blobs", "1f"), build(one("[2]", "[0,2]"), "12"), 0o644),
		os.WriteFile(filepath.Join(dir, "blobs", "2e"), []byte(`{"weight_map":{"a":"x.safetensors"}}`), 0o644),
		os.Symlink("../../blobs/1f", filepath.Join(snapshot, "x.safetensors")), os.Symlink("../../blobs/2e", filepath.Join(snapshot, IndexFile))); err != nil {
		t.Fatal(err)
	}
	set, err := OpenModel(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	set.Close()
	if err := errors.Join(os.Remove(filepath.Join(snapshot, IndexFile)), os.Symlink("/dev/zero", filepath.Join(snapshot, IndexFile))); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenModel(snapshot); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a device: %v", err)
	}
}
