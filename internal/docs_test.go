package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the pages of docs refer to: `path/file.go:Symbol`, where Symbol is a
// function, type, constant, variable or (*Type).Method, and `path/file.ext`.
var (
	symbolRef = regexp.MustCompile("`([\\w./-]+\\.go):([^`]+)`")
	fileRef   = regexp.MustCompile("`([\\w.-]+/[\\w./-]+\\.(?:go|s|py|md|yaml))`")
)

// Every symbol and file that a page names exists. A page that should be full of
// them and is not has lost its form.
func TestDocsNameWhatExists(t *testing.T) {
	least := map[string]int{"tour.md": 40, "determinism.md": 25, "testing.md": 40} // symbols
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	symbols := map[string]map[string]bool{} // by file
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name, found := filepath.Base(page), 0
		for i, line := range strings.Split(string(text), "\n") {
			for _, m := range symbolRef.FindAllStringSubmatch(line, -1) {
				found++
				if symbols[m[1]] == nil {
					symbols[m[1]] = declared(t, filepath.Join("..", m[1]))
				}
				if !symbols[m[1]][m[2]] {
					t.Errorf("docs/%s:%d: %s declares no %s", name, i+1, m[1], m[2])
				}
			}
			for _, m := range fileRef.FindAllStringSubmatch(line, -1) {
				if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
					t.Errorf("docs/%s:%d: there is no %s", name, i+1, m[1])
				}
			}
		}
		if found < least[name] {
			t.Errorf("docs/%s names %d symbols, at least %d are due", name, found, least[name])
		}
		delete(least, name)
	}
	for name := range least {
		t.Errorf("docs/%s is missing", name)
	}
}

// declared returns the package-level names of a file, methods as (*Type).Name or
// (Type).Name. A file that cannot be read declares nothing.
func declared(t *testing.T, path string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return names
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				name = fmt.Sprintf("(%s).%s", receiver(d.Recv.List[0].Type), name)
			}
			names[name] = true
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names[s.Name.Name] = true
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names[n.Name] = true
					}
				}
			}
		}
	}
	return names
}

// receiver is a method's receiver type without type parameters: "*T" or "T".
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return "*" + receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}
