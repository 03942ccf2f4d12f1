package peft

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/safetensors"
)

// baseCopy copies the tiny base and adds files that are and are not copied.
func baseCopy(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "base")
	if err := os.CopyFS(dir, os.DirFS(baseDir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tokenizer.json", "tokenizer.model", "merges.txt", "chat_template.jinja", "LICENSE", "README.md",
		"pytorch_model.bin", "pytorch_model.bin.index.json", "adapter_config.json", "training.log"} {
		write(t, []byte(name+" content"), dir, name)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "tokenizer.json"), filepath.Join(dir, "vocab.json")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func merge(t *testing.T, base, out string, to *dtype.DType, overwrite bool) (Report, error) {
	t.Helper()
	return Merge(context.Background(), openModel(t, base), mustLoad(t, adapterDir, tiny), out, to, overwrite)
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestMerge(t *testing.T) {
	base, out := baseCopy(t), filepath.Join(t.TempDir(), "made", "out")
	report, err := merge(t, base, out, nil, false)
	if err != nil || report != (Report{14, 3840, 10}) {
		t.Fatalf("%+v, %v", report, err)
	}
	want := []string{"LICENSE", "README.md", "chat_template.jinja", "config.json", "generation_config.json", "merges.txt", "model-00001-of-00002.safetensors",
		"model-00002-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json", "tokenizer.model", "vocab.json"}
	if got := names(t, out); !slices.Equal(got, want) {
		t.Errorf("files %v", got)
	}
	for _, name := range want {
		if info, err := os.Lstat(filepath.Join(out, name)); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		if !strings.HasSuffix(name, ".safetensors") && !bytes.Equal(read(t, out, name), read(t, base, name)) {
			t.Errorf("%s differs", name)
		}
	}
	if got := names(t, filepath.Dir(out)); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
	from, merged := openModel(t, base), openModel(t, out)
	peft, err := safetensors.Open("testdata/merged/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer peft.Close()
	for _, name := range from.Names() {
		b, _ := from.Tensor(name)
		m, _ := merged.Tensor(name)
		p, _ := peft.Tensor(name)
		if from.ShardOf(name) != merged.ShardOf(name) || b.DType != m.DType || !slices.Equal(b.Shape, m.Shape) {
			t.Errorf("%s moved or changed its form", name)
		}
		if changed := strings.HasSuffix(name, "_proj.weight"); bytes.Equal(b.Data, m.Data) == changed || differences(t, m, p) > 2 {
			t.Errorf("%s is not what it should be", name)
		}
	}
}

func TestMergeConverts(t *testing.T) {
	base := baseCopy(t)
	for to, name := range map[dtype.DType]string{dtype.F32: "float32", dtype.F16: "float16", dtype.BF16: "bfloat16"} {
		out := filepath.Join(t.TempDir(), "out")
		if _, err := merge(t, base, out, &to, false); err != nil {
			t.Fatal(err)
		}
		size := 0
		from, merged := openModel(t, base), openModel(t, out)
		for _, n := range merged.Names() {
			b, _ := from.Tensor(n)
			m, _ := merged.Tensor(n)
			size += len(m.Data)
			if m.DType != to.String() {
				t.Errorf("%s is %s", n, m.DType)
			}
			x, _ := b.Float32s()
			if y, err := m.Float32s(); !strings.HasSuffix(n, "_proj.weight") && (err != nil || to == dtype.F32 && !slices.Equal(x, y)) {
				t.Errorf("%s is not converted exactly (%v)", n, err)
			}
		}
		// The rest of the two files stays as it was written.
		config := strings.Replace(string(read(t, base, "config.json")), `"dtype": "bfloat16"`, `"dtype": "`+name+`"`, 1)
		if got := string(read(t, out, "config.json")); got != config {
			t.Errorf("%v: config.json is\n%s", to, got)
		}
		var index struct {
			Metadata struct {
				Size       int `json:"total_size"`
				Parameters int `json:"total_parameters"`
			}
		}
		if err := json.Unmarshal(read(t, out, safetensors.IndexFile), &index); err != nil || index.Metadata.Size != size || index.Metadata.Parameters*to.Size() != size {
			t.Errorf("%v: index says %+v, there are %d bytes (%v)", to, index, size, err)
		}
	}
}

// Integer tensors and formats that weights do not have pass through.
func TestMergeKeepsOtherDTypes(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	if err := os.Mkdir(base, 0o755); err != nil {
		t.Fatal(err)
	}
	ids := safetensors.Tensor{Name: "ids", DType: "I64", Shape: []int{1}, Data: []byte("12345678")}
	writeTensors(t, filepath.Join(base, safetensors.ModelFile), map[string]safetensors.Tensor{
		"ids": ids, "m.weight": safetensors.F32Tensor("m.weight", []int{1, 2}, []float32{1, 2})})
	to := dtype.BF16
	out := filepath.Join(t.TempDir(), "out")
	if _, err := Merge(context.Background(), openModel(t, base), &Adapter{Pairs: []Pair{*pair(2, 1, 1)}}, out, &to, false); err != nil {
		t.Fatal(err)
	}
	merged := openModel(t, out)
	got, _ := merged.Tensor("ids")
	w, _ := merged.Tensor("m.weight")
	if !bytes.Equal(got.Data, ids.Data) || !slices.Equal(w.U16View(), []uint16{0x4000, 0x4040}) || len(names(t, out)) != 1 {
		t.Errorf("ids %v, weight %#x, files %v", got, w.Data, names(t, out))
	}
}

// Whatever goes wrong, neither the output nor anything else appears.
func TestMergeLeavesNothingBehind(t *testing.T) {
	base := baseCopy(t)
	good := mustLoad(t, adapterDir, tiny)
	broken := mustLoad(t, adapterDir, tiny)
	broken.Pairs[9].Scale = 1e39
	alien := &Adapter{Pairs: []Pair{{Module: "model.layers.7.mlp.up_proj"}}}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	parent := t.TempDir()
	out := filepath.Join(parent, "out")
	run := func(ctx context.Context, a *Adapter) error {
		_, err := Merge(ctx, openModel(t, base), a, out, nil, true)
		return err
	}
	wantInput(t, run(context.Background(), broken), "NaN or infinity in merged model.layers.1.")
	wantInput(t, run(context.Background(), alien), "has no tensor model.layers.7.mlp.up_proj.weight")
	if err := run(cancelled, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if got := names(t, parent); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	// A failed merge leaves the earlier one alone.
	if err := run(context.Background(), good); err != nil {
		t.Fatal(err)
	}
	before := read(t, out, "model-00001-of-00002.safetensors")
	if err := run(context.Background(), broken); err == nil || !bytes.Equal(read(t, out, "model-00001-of-00002.safetensors"), before) {
		t.Errorf("error %v, or the earlier output changed", err)
	}
}

func TestOutputPolicy(t *testing.T) {
	base := baseCopy(t)
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	for _, d := range []string{"empty", "other", "model/sub"} {
		if err := os.MkdirAll(at(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, nil, at("other"), "precious.txt")
	write(t, nil, at("file"))
	write(t, []byte("{}"), at("model"), "config.json")
	for link, target := range map[string]string{"tobase": base, "toempty": at("empty"), "dangling": at("nowhere")} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		out       string
		overwrite bool
		want      string // of the error; "" is success
	}{
		{base, true, "is the folder of the input"},
		{base + "/../base/.", true, "is the folder of the input"},
		{filepath.Dir(base), true, "or holds it"},
		{at("tobase"), true, "is the folder of the input"},
		{at("file"), true, "is a file, a folder is due"},
		{at("other"), false, "exists and is not empty; give --overwrite to replace it"},
		{at("other"), true, "holds no config.json"},
		{at("model"), false, "give --overwrite"},
		{at("model"), true, ""},
		{at("model"), false, "give --overwrite"},
		{at("empty"), false, ""},
		{at("toempty"), true, ""},
		{at("dangling"), false, ""},
		{at("new/../new/"), false, ""},
		{filepath.Join(base, "merged"), false, ""},
	} {
		_, err := merge(t, base, c.out, nil, c.overwrite)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want one with %q", c.out, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.out, err)
		} else if _, err := os.Stat(filepath.Join(c.out, safetensors.IndexFile)); err != nil {
			t.Errorf("%s: %v", c.out, err)
		}
	}
	if _, err := os.Stat(at("model/sub")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("overwriting kept what was there: %v", err)
	}
	if info, err := os.Lstat(at("toempty")); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link to the output was replaced: %v, %v", info, err)
	}
	if got := names(t, root); slices.ContainsFunc(got, func(n string) bool { return strings.Contains(n, ".tmp-") }) {
		t.Errorf("left behind: %v", got)
	}
}

func TestSetJSON(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{`{"b":1,  "a" : {"x":[1,{"k":2}]},"k":"v"}`, `{"b":1,  "a" : {"x":[1,{"k":2}]},"k":9}`},
		{`{ "k" : {"k":1} }`, `{ "k" : 9 }`},
		{`{"a":{"k":1}}`, `{"a":{"k":1}}`},
		{`{}`, `{}`},
	} {
		if got, err := setJSON([]byte(c.doc), "9", "k"); err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v", c.doc, got, err)
		}
	}
	if got, err := setJSON([]byte(`{"a": {"b": 1 }, "c": 2}`), "9", "a", "b"); err != nil || string(got) != `{"a": {"b": 9 }, "c": 2}` {
		t.Errorf("nested: %s, %v", got, err)
	}
	for _, doc := range []string{"", "[]", `{"a":`, `{"a":1`, `{"a"}`, `{"k":}`} {
		if got, err := setJSON([]byte(doc), "9", "k"); err == nil {
			t.Errorf("%q became %q", doc, got)
		}
	}
}
