// Package internal_test holds what concerns all packages: imports point one way.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/stablelora/stablelora/"

// layers lists the packages from the bottom up, as docs/architecture.md does. A
// package may import those below it, not those beside or above it, unless
// beside says so.
var layers = [][]string{
	{"regex"},
	{"dtype", "fma", "isa", "parallel", "rng", "fsutil", "sysinfo", "spell", "jinja", "parquet", "overlap", "chart", "tfevents"},
	{"blas", "vec", "records", "demo"},
	{"tensor"},
	{"nn", "tokenizer", "safetensors", "config"},
	{"model", "optim", "task", "chat", "golden"},
	{"taskfile"},
	{"data", "peft", "checkpoint", "metrics", "preset", "cost"},
	{"infer", "runfolder", "stability"},
	{"train", "eval", "bench", "report"},
	{"sweep"},
}

// forbidden edges that the layers alone would allow.
var forbidden = map[string][]string{
	"optim":      {"nn", "config", "safetensors", "tokenizer", "fsutil"},
	"nn":         {"fsutil", "sysinfo"},
	"tensor":     {"fsutil", "sysinfo", "rng"},
	"model":      {"tokenizer", "config"},
	"task":       {"model", "tokenizer", "tensor"},
	"taskfile":   {"model", "tokenizer", "records"},
	"data":       {"model", "nn", "tensor"},
	"peft":       {"optim", "tokenizer", "config"},
	"infer":      {"task", "config", "optim", "metrics"},
	"checkpoint": {"model", "nn", "optim", "config"},
	"metrics":    {"model", "nn", "optim", "config"},
	"eval":       {"model", "nn", "train", "config", "peft"},
	"train":      {"eval", "infer", "task"},
	"stability":  {"config", "fsutil", "model", "peft"},
	"sweep":      {"nn", "tensor", "optim", "data"},
	"cost":       {"nn", "tensor", "config", "fsutil", "sysinfo", "parallel"},
	"runfolder":  {"model", "config", "peft", "optim"},
	"report":     {"model", "config", "peft", "optim", "infer", "fsutil"},
	"bench":      {"preset", "config", "data", "tokenizer"},
}

// onlyTests are packages that no program imports.
var onlyTests = map[string]bool{"golden": true}

func TestImportsPointDown(t *testing.T) {
	level := map[string]int{}
	for i, l := range layers {
		for _, p := range l {
			level[p] = i
		}
	}
	for pkg, imports := range importsOf(t) {
		l, ok := level[pkg]
		if !ok {
			t.Errorf("package %s has no place in the layers; add it here and to docs/architecture.md", pkg)
			continue
		}
		for imp := range imports {
			if onlyTests[imp] {
				t.Errorf("%s imports %s, which is for tests", pkg, imp)
			}
			if level[imp] >= l {
				t.Errorf("%s imports %s, which is not below it", pkg, imp)
			}
			for _, f := range forbidden[pkg] {
				if imp == f {
					t.Errorf("%s imports %s, which it must not know", pkg, imp)
				}
			}
		}
	}
}

// The page names every package and every layer as this test does.
func TestArchitecturePageNamesEveryPackage(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range importsOf(t) {
		if !strings.Contains(string(page), "`"+pkg+"`") {
			t.Errorf("docs/architecture.md does not mention `%s`", pkg)
		}
	}
}

// importsOf returns, for each package here, the packages here that it imports
// outside its tests.
func importsOf(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		if all[pkg] == nil {
			all[pkg] = map[string]bool{}
		}
		for _, i := range f.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			if rest, ok := strings.CutPrefix(name, module+"internal/"); ok {
				all[pkg][rest] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
