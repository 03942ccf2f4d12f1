package sysinfo

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestMemAvailable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meminfo")
	os.WriteFile(path, []byte("MemTotal:       1000 kB\nMemAvailable:    600 kB\n"), 0o644)
	if got := memAvailable(path); got != 600<<10 {
		t.Errorf("got %d bytes, want %d", got, 600<<10)
	}
	if got := memAvailable(path + "x"); got != 0 {
		t.Errorf("a missing file gives %d", got)
	}
}

func TestCgroupLeft(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) { os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	write("memory.max", "max\n")
	write("memory.current", "500\n")
	if _, ok := cgroupLeft(dir); ok {
		t.Error("a group without a limit has one")
	}
	write("memory.max", "1000\n")
	write("memory.stat", "anon 300\nfile 200\n")
	if got, ok := cgroupLeft(dir); !ok || got != 700 {
		t.Errorf("left %d, %v; want 700: the page cache can be dropped", got, ok)
	}
}

func TestPeakRSS(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only checked on Linux")
	}
	block := make([]byte, 64<<20)
	for i := range block {
		block[i] = 1
	}
	if peak := PeakRSS(); peak < uint64(len(block)) {
		t.Errorf("peak of %d bytes with 64 MiB in use", peak)
	}
	runtime.KeepAlive(block)
}
