package sysinfo

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

func TestProcBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meminfo")
	os.WriteFile(path, []byte("MemTotal:       1000 kB\nMemAvailable:    600 kB\n"), 0o644)
	if got := procBytes(path, "MemAvailable:"); got != 600<<10 {
		t.Errorf("got %d bytes, want %d", got, 600<<10)
	}
	if got := procBytes(path+"x", "MemAvailable:"); got != 0 {
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

func TestCgroupQuota(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]float64{"max 100000\n": 0, "150000 100000\n": 1.5, "1 0\n": 0, "x\n": 0} {
		os.WriteFile(filepath.Join(dir, "cpu.max"), []byte(text), 0o644)
		if got := cgroupQuota(dir); got != want {
			t.Errorf("%q gives %v, want %v", text, got, want)
		}
	}
	if got := cgroupQuota(filepath.Join(dir, "none")); got != 0 {
		t.Errorf("no file gives %v", got)
	}
}

func TestReadThisMachine(t *testing.T) {
	if c := ReadCPU(); c.Cores < 1 || c.Features == nil {
		t.Errorf("%+v", c)
	}
	if runtime.GOOS != "linux" {
		t.Skip("the rest is only checked on Linux")
	}
	m := ReadMemory()
	if m.Total == 0 || m.Available == 0 || m.Available > m.Total || m.SwapUsed > m.SwapTotal {
		t.Errorf("%+v", m)
	}
	if FreeDisk(t.TempDir()) == 0 || FreeDisk(filepath.Join(t.TempDir(), "none")) != 0 {
		t.Error("free disk space")
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
	// A child must not report its parent's peak.
	child := exec.Command(os.Args[0], "-test.run=^TestPeakRSSChild$", "-test.v=false")
	child.Env = append(os.Environ(), "SYSINFO_PEAK=1")
	out, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	peak, err := strconv.ParseUint(string(out), 10, 64)
	if err != nil || peak == 0 || peak >= uint64(len(block)) {
		t.Errorf("a child of a process with 64 MiB in use reports a peak of %q bytes: %v", out, err)
	}
	runtime.KeepAlive(block)
}

// TestPeakRSSChild prints the peak when TestPeakRSS starts it.
func TestPeakRSSChild(t *testing.T) {
	if os.Getenv("SYSINFO_PEAK") == "" {
		t.Skip("only as a child of TestPeakRSS")
	}
	fmt.Print(PeakRSS())
	os.Exit(0)
}
