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

// Limits of version 2, version 1 and both, of the group itself and of those it
// lies in: the least counts, less what is in use and cannot be dropped.
func TestCgroupMemory(t *testing.T) {
	v2 := func(max, current, stat string) map[string]string {
		return map[string]string{"memory.max": max + "\n", "memory.current": current + "\n", "memory.stat": stat}
	}
	v1 := func(limit, usage, stat string) map[string]string {
		return map[string]string{"memory.limit_in_bytes": limit + "\n", "memory.usage_in_bytes": usage + "\n", "memory.stat": stat}
	}
	const nested = "0::/a/b\n"
	for name, c := range map[string]struct {
		self        string
		groups      map[string]map[string]string // by folder
		limit, left uint64                       // 0: none
	}{
		"no groups":               {nested, nil, 0, 0},
		"no limit":                {"0::/\n", map[string]map[string]string{"": v2("max", "500", "")}, 0, 0},
		"its own":                 {nested, map[string]map[string]string{"a/b": v2("1000", "500", "anon 300\nfile 999\nactive_file 50\ninactive_file 150\n")}, 1000, 700},
		"shared memory stays":     {nested, map[string]map[string]string{"a/b": v2("1000", "500", "file 200\nshmem 200\nactive_file 0\ninactive_file 0\n")}, 1000, 500},
		"the group around it":     {nested, map[string]map[string]string{"a/b": v2("1000", "100", ""), "a": v2("800", "700", "")}, 800, 100},
		"its own is less":         {nested, map[string]map[string]string{"a/b": v2("1000", "950", ""), "a": v2("800", "100", ""), "": v2("max", "1", "")}, 800, 50},
		"beyond the limit":        {nested, map[string]map[string]string{"a/b": v2("1000", "1100", "")}, 1000, 0},
		"the host's path":         {"0::/docker/123\n", map[string]map[string]string{"": v2("1000", "400", "")}, 1000, 600},
		"version 1":               {"3:cpu,cpuacct:/x\n2:memory:/a/b\n", map[string]map[string]string{"memory/a/b": v1("1000", "500", "active_file 9\ntotal_active_file 50\ntotal_inactive_file 50\n"), "x": v2("1", "1", "")}, 1000, 600},
		"version 1 without limit": {"2:memory:/\n", map[string]map[string]string{"memory": v1("9223372036854771712", "500", "")}, 0, 0},
		"both":                    {"2:memory:/a\n0::/\n", map[string]map[string]string{"memory/a": v1("1000", "100", ""), "": v2("2000", "1900", "")}, 1000, 100},
		"garbage":                 {"what\n0::/\n", map[string]map[string]string{"": v2("many", "500", "x\n")}, 0, 0},
		"up and away":             {"0::/../../..\n", map[string]map[string]string{"": v2("1000", "400", "")}, 1000, 600},
	} {
		root := t.TempDir()
		for dir, files := range c.groups {
			if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
				t.Fatal(err)
			}
			for file, text := range files {
				if err := os.WriteFile(filepath.Join(root, dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		limit, left, ok := cgroupMemory(root, c.self)
		if ok != (c.limit > 0) || ok && (limit != c.limit || left != c.left) {
			t.Errorf("%s: limit %d, left %d, %v; want %d and %d", name, limit, left, ok, c.limit, c.left)
		}
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
