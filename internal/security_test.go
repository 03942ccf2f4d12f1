package internal_test

import (
	"os/exec"
	"strings"
	"testing"
)

// No package of ours can open a connection, start a process or load code:
// SECURITY.md promises it. Libraries bring net/http in (afero, progressbar), but
// nobody calls it.
func TestNoNetworkNoProcesses(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "../cmd/stablelora").Output()
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for line := range strings.Lines(string(out)) {
		pkg := strings.Fields(line)
		if !strings.HasPrefix(pkg[0], module) {
			continue
		}
		ours++
		for _, imported := range pkg[1:] {
			if imported == "net" || strings.HasPrefix(imported, "net/") && imported != "net/url" || imported == "os/exec" || imported == "plugin" {
				t.Errorf("%s imports %s", pkg[0], imported)
			}
		}
	}
	if ours < 30 {
		t.Errorf("only %d packages of ours were looked at", ours)
	}
}
