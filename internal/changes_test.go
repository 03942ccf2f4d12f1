package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// changes are the functions of package os that change the file system. Only
// fsutil may call them, so that its faults reach every change there is.
var changes = map[string]bool{
	"Create": true, "CreateTemp": true, "OpenFile": true, "WriteFile": true, "CopyFS": true,
	"Mkdir": true, "MkdirAll": true, "MkdirTemp": true, "Rename": true, "Remove": true, "RemoveAll": true,
	"Truncate": true, "Chmod": true, "Chtimes": true, "Link": true, "Symlink": true,
}

func TestOnlyFsutilChangesFiles(t *testing.T) {
	calls := map[string]int{}
	for _, root := range []string{".", "../cmd", "../configs"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && len(d.Name()) > 1 && d.Name()[0] == '_' || d.Name() == "testdata":
				return filepath.SkipDir
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok || !changes[s.Sel.Name] {
					return true
				}
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "os" {
					pkg := filepath.Base(filepath.Dir(path))
					if calls[pkg]++; pkg != "fsutil" {
						t.Errorf("%s calls os.%s; fsutil has it", path, s.Sel.Name)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if calls["fsutil"] == 0 {
		t.Error("no call was found in fsutil: this test is blind")
	}
}
