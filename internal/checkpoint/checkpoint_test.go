package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// content is what a test checkpoint's files hold.
func content(step int) map[string]string {
	return map[string]string{
		"state.json":            fmt.Sprintf(`{"step": %d}`, step),
		"optimizer.safetensors": strings.Repeat(fmt.Sprint(step), 5000),
		"empty":                 "",
	}
}

func put(step int) func(string) error {
	return func(dir string) error {
		for name, text := range content(step) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
		return nil
	}
}

func write(t *testing.T, run string, steps ...int) {
	t.Helper()
	for _, step := range steps {
		path, err := Write(run, step, put(step))
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(run, fmt.Sprintf("checkpoint-%d", step)); path != want {
			t.Fatalf("written to %s, want %s", path, want)
		}
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var ns []string
	for _, e := range entries {
		ns = append(ns, e.Name())
	}
	return ns
}

// mustBe checks that dir is the complete checkpoint of step.
func mustBe(t *testing.T, dir string, step int) {
	t.Helper()
	if err := Verify(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range content(step) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Fatalf("%s/%s of step %d: %d bytes, %v", dir, name, step, len(got), err)
		}
	}
}

func TestWriteAndLatest(t *testing.T) {
	run := t.TempDir()
	for _, dir := range []string{run, filepath.Join(run, "no such run")} {
		if path, _, damaged, err := Latest(dir); path != "" || damaged != nil || err != nil {
			t.Errorf("Latest of nothing: %q, %v, %v", path, damaged, err)
		}
	}
	write(t, run, 9, 10, 8)
	for _, name := range []string{"checkpoint-011", "checkpoint-", "checkpoint--12", "checkpoint-13.bak", ".checkpoint-14.tmp-1"} {
		if err := os.Mkdir(filepath.Join(run, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path, step, damaged, err := Latest(run)
	if err != nil || damaged != nil || step != 10 {
		t.Fatalf("Latest: %q, step %d, damaged %v, %v", path, step, damaged, err)
	}
	mustBe(t, path, 10)
	if diff := cmp.Diff([]string{"empty", ManifestFile, "optimizer.safetensors", "state.json"}, names(t, path)); diff != "" {
		t.Error(diff)
	}
}

// A checkpoint may lie elsewhere, with a link in its place; what it leads to is
// never removed. One that leads nowhere is a damaged checkpoint.
func TestLinkedCheckpoint(t *testing.T) {
	run, elsewhere := t.TempDir(), t.TempDir()
	write(t, elsewhere, 3)
	for name, target := range map[string]string{"checkpoint-3": filepath.Join(elsewhere, "checkpoint-3"), "checkpoint-4": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(run, name)); err != nil {
			t.Skip(err) // not everybody may on Windows
		}
	}
	path, step, damaged, err := Latest(run)
	if err != nil || step != 3 || len(damaged) != 1 {
		t.Fatalf("Latest: %q, step %d, damaged %v, %v", path, step, damaged, err)
	}
	mustBe(t, path, 3)
	if err := CutBack(run, -1); err != nil {
		t.Fatal(err)
	}
	if left := names(t, run); left != nil {
		t.Errorf("%v are left", left)
	}
	mustBe(t, filepath.Join(elsewhere, "checkpoint-3"), 3)
}

func TestWriteReplaces(t *testing.T) {
	run := t.TempDir()
	write(t, run, 5)
	if _, err := Write(run, 5, put(6)); err != nil {
		t.Fatal(err)
	}
	mustBe(t, filepath.Join(run, "checkpoint-5"), 6)
	if diff := cmp.Diff([]string{"checkpoint-5"}, names(t, run)); diff != "" {
		t.Error(diff)
	}
}

func TestFailedWriteLeavesNothing(t *testing.T) {
	boom := errors.New("disk full")
	for name, files := range map[string]func(string) error{
		"an error half way": func(dir string) error { return errors.Join(put(5)(dir), boom) },
		"a folder":          func(dir string) error { return os.Mkdir(filepath.Join(dir, "sub"), 0o755) },
		"a link":            func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "link")) },
		"a manifest":        func(dir string) error { return os.WriteFile(filepath.Join(dir, ManifestFile), nil, 0o644) },
	} {
		run := t.TempDir()
		write(t, run, 5)
		if path, err := Write(run, 5, files); err == nil || path != "" {
			t.Errorf("%s: wrote %q", name, path)
		}
		mustBe(t, filepath.Join(run, "checkpoint-5"), 5)
		if diff := cmp.Diff([]string{"checkpoint-5"}, names(t, run)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Whatever is wrong with the newest checkpoint, the one before it is chosen and
// the damage named.
func TestDamageIsFound(t *testing.T) {
	manifestOf := func(text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, ManifestFile), []byte(text), 0o644) }
	}
	listing := func(name string) func(string) error {
		return manifestOf(fmt.Sprintf(`{"files": [{"name": %q, "size": 0, "sha256": ""}]}`, name))
	}
	edit := func(name string, change func([]byte) []byte) func(string) error {
		return func(dir string) error {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, change(data), 0o644)
		}
	}
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
	}
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		want   string
	}{
		{"no manifest", remove(ManifestFile), "manifest.json: is missing"},
		{"file missing", remove("state.json"), "state.json: is missing"},
		{"flipped byte", edit("optimizer.safetensors", func(b []byte) []byte { b[777] ^= 1; return b }), "optimizer.safetensors: its SHA-256"},
		{"truncated", edit("optimizer.safetensors", func(b []byte) []byte { return b[:len(b)-1] }), "optimizer.safetensors: has"},
		{"grown", edit("empty", func(b []byte) []byte { return []byte("x") }), "empty: has 1 bytes, manifest.json says 0"},
		{"torn manifest", edit(ManifestFile, func(b []byte) []byte { return b[:len(b)/2] }), "manifest.json: is not a manifest"},
		{"empty manifest", manifestOf(""), "manifest.json: is not a manifest"},
		{"no files", manifestOf("{}"), "lists no files"},
		{"wrong type", manifestOf(`{"files": 3}`), "is not a manifest"},
		{"huge manifest", manifestOf(strings.Repeat(" ", maxManifest+1)), "above"},
		{"one file many times", edit(ManifestFile, func(b []byte) []byte {
			item := b[bytes.IndexByte(b, '[')+1 : bytes.IndexByte(b, '}')+1]
			return fmt.Appendf(nil, `{"files":[%s,%s]}`, item, item)
		}), "out of order"},
		{"parent", listing("../../secret"), "would leave the checkpoint"},
		{"absolute", listing("/etc/passwd"), "would leave the checkpoint"},
		{"inner path", listing("a/b"), "would leave the checkpoint"},
		{"backslash", listing(`..\b`), "would leave the checkpoint"},
		{"dot", listing("."), "would leave the checkpoint"},
		{"dots", listing(".."), "would leave the checkpoint"},
		{"long name", listing(strings.Repeat("a", 300)), "would leave the checkpoint"},
		{"NUL", manifestOf(`{"files": [{"name": "a\u0000"}]}`), "would leave the checkpoint"},
		{"no name", listing(""), "would leave the checkpoint"},
		{"link", func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "empty")), os.Symlink("/dev/null", filepath.Join(dir, "empty")))
		}, "empty: is not a plain file"},
	} {
		run := t.TempDir()
		write(t, run, 9, 10)
		if err := c.damage(filepath.Join(run, "checkpoint-10")); err != nil {
			t.Fatal(err)
		}
		path, step, damaged, err := Latest(run)
		if err != nil || step != 9 || len(damaged) != 1 {
			t.Errorf("%s: Latest is %q, step %d, damaged %v, %v", c.name, path, step, damaged, err)
			continue
		}
		mustBe(t, path, 9)
		var broken *fsutil.InputError
		if msg := damaged[0].Error(); !strings.Contains(msg, c.want) || !strings.Contains(msg, "checkpoint-10") || !errors.As(damaged[0], &broken) {
			t.Errorf("%s: %v, want %q", c.name, damaged[0], c.want)
		}
	}
}

func TestPrune(t *testing.T) {
	for _, c := range []struct {
		keep int
		want []string
	}{
		{2, []string{"checkpoint-10", "checkpoint-100", "checkpoint-11", "other"}}, // 100 is damaged
		{1, []string{"checkpoint-100", "checkpoint-11", "other"}},
		{0, []string{"checkpoint-100", "checkpoint-11", "other"}},
		{9, []string{"checkpoint-10", "checkpoint-100", "checkpoint-11", "checkpoint-8", "checkpoint-9", "other"}},
	} {
		run := t.TempDir()
		write(t, run, 8, 9, 10, 11, 100)
		for _, err := range []error{
			os.Remove(filepath.Join(run, "checkpoint-100", ManifestFile)),
			os.Mkdir(filepath.Join(run, "other"), 0o755),
			os.Mkdir(filepath.Join(run, ".checkpoint-12.tmp-77"), 0o755),
			os.Mkdir(filepath.Join(run, ".checkpoint-7.old"), 0o755),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := Prune(run, c.keep); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, names(t, run)); diff != "" {
			t.Errorf("keep %d (-want +got):\n%s", c.keep, diff)
		}
	}
}

func TestCutBack(t *testing.T) {
	run := t.TempDir()
	write(t, run, 9, 10, 100)
	if err := CutBack(run, 10); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"checkpoint-10", "checkpoint-9"}, names(t, run)); diff != "" {
		t.Error(diff)
	}
}

const childRun = "STABLELORA_TEST_CHECKPOINT_RUN"

// A process that writes checkpoint after checkpoint is killed at arbitrary
// moments: what it leaves is always a complete newest checkpoint, and nothing
// that looks like one and is not.
func TestKilledWriter(t *testing.T) {
	if run := os.Getenv(childRun); run != "" {
		_, step, _, _ := Latest(run)
		for step++; ; step++ {
			if _, err := Write(run, step, put(step)); err != nil {
				t.Fatal(err)
			}
			if err := Prune(run, 2); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := t.TempDir()
	write(t, run, 1)
	last := 1
	for kill := range 8 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
		child.Env = append(os.Environ(), childRun+"="+run)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(60+7*kill) * time.Millisecond)
		child.Process.Kill()
		child.Wait()
		path, step, damaged, err := Latest(run)
		if err != nil || damaged != nil || step < last {
			t.Fatalf("after kill %d: %q, step %d after %d, damaged %v, %v", kill, path, step, last, damaged, err)
		}
		mustBe(t, path, step)
		last = step
	}
	t.Logf("the writer reached step %d", last)
	if last < 10 {
		t.Skipf("the writer reached only step %d: too slow a disk for this test", last)
	}
}

// FuzzVerify: with any manifest a checkpoint is whole or an input error, and no
// file outside it is looked at.
func FuzzVerify(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "checkpoint-3")
	if err := errors.Join(os.Mkdir(dir, 0o755), put(3)(dir), seal(dir)); err != nil {
		f.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(manifest)
	f.Add([]byte(`{"files":[{"name":"../secret","size":-1,"sha256":"x"}]}`))
	f.Add([]byte(`{"files":[{"name":"` + strings.Repeat(",", 300) + `"}]}`)) // found: an error of the system
	f.Fuzz(func(t *testing.T, manifest []byte) {
		if err := os.WriteFile(filepath.Join(dir, ManifestFile), manifest, 0o644); err != nil {
			t.Fatal(err)
		}
		err := Verify(dir)
		var broken *fsutil.InputError
		if err != nil && (!errors.As(err, &broken) || !strings.HasPrefix(broken.Path, dir)) {
			t.Errorf("%s: %v", manifest, err)
		}
	})
}
