package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// usage is what a process holds. The runtime may start a thread whenever one waits
// for the disk.
type usage struct{ rss, files, threads int } // rss in kB

func (p *process) usage() usage {
	p.t.Helper()
	proc := fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		p.t.Fatal(err)
	}
	number := func(key string) int {
		m := regexp.MustCompile(key + `:\s+(\d+)`).FindSubmatch(status)
		if m == nil {
			p.t.Fatalf("no %s in %s/status, the program has ended:\n%s", key, proc, &p.stderr)
		}
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		p.t.Fatal(err)
	}
	return usage{number("VmRSS"), len(files), number("Threads")}
}

// After 10,000 steps of the demo the program holds what it held after 2000: memory
// within 2 %, no more files. Before, its runtime and the places between its objects
// grow by a megabyte or two. It is built for this: in a test's binary the runtime
// samples allocations, and keeps what it finds.
func TestLongRun(t *testing.T) {
	if os.Getenv("STABLELORA_TEST_LONG") == "" {
		t.Skip("10,000 steps take ten minutes: set STABLELORA_TEST_LONG=1")
	}
	dir := t.TempDir()
	if said, err := exec.Command("go", "build", "-o", filepath.Join(dir, "stablelora"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	out := filepath.Join(dir, "out")
	p := start(t, ".", "train", "--config", "../../configs/quickstart.yaml", "--output", out, "--quiet", "--set", "train.max_steps=10000")
	after := func(step int) usage {
		row := fmt.Appendf(nil, `{"step":%d,`, step)
		for ; !bytes.Contains(tail(t, filepath.Join(out, "metrics.jsonl")), row); time.Sleep(10 * time.Millisecond) {
		}
		return p.usage()
	}
	early, later, end := after(100), after(2000), after(9990)
	p.ends(0)
	t.Logf("after 100 steps %+v, after 2000 %+v, after 9990 %+v (rss in kB)", early, later, end)
	if float64(end.rss) > 1.02*float64(later.rss) || end.files > later.files {
		t.Error("it grew after step 2000")
	}
}

// tail is the end of a log of megabytes; nothing while there is none.
func tail(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	end := make([]byte, min(size, 4096))
	if _, err := f.ReadAt(end, size-int64(len(end))); err != nil {
		t.Fatal(err)
	}
	return end
}
