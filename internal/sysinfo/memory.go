package sysinfo

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	meminfo = "/proc/meminfo"
	cgroup  = "/sys/fs/cgroup" // version 2, as seen from inside the group
)

// Memory is the machine's, in bytes; 0 where it is not known.
type Memory struct {
	Total     uint64
	Available uint64 // as AvailableMemory
	PageCache uint64 // files' contents, which can be dropped
	Limit     uint64 // of the control group; 0: none
	SwapTotal uint64
	SwapUsed  uint64
}

// ReadMemory asks the system.
func ReadMemory() Memory {
	m := Memory{Total: procBytes(meminfo, "MemTotal:"), Available: AvailableMemory(), PageCache: procBytes(meminfo, "Cached:"),
		SwapTotal: procBytes(meminfo, "SwapTotal:")}
	m.SwapUsed = m.SwapTotal - min(m.SwapTotal, procBytes(meminfo, "SwapFree:"))
	if limit, ok := readUint(filepath.Join(cgroup, "memory.max")); ok {
		m.Limit = limit
	}
	return m
}

// AvailableMemory is the memory in bytes that can still be used: Linux'
// MemAvailable, or what the control group has left if that is less. 0 where it
// is not known.
func AvailableMemory() uint64 {
	free := procBytes(meminfo, "MemAvailable:")
	if left, ok := cgroupLeft(cgroup); ok && left < free {
		free = left
	}
	return free
}

// procBytes reads a line "key 123 kB" of a file of /proc; 0 where there is none.
func procBytes(path, key string) uint64 {
	kb, _ := strconv.ParseUint(firstWord(procLine(path, key)), 10, 64)
	return kb << 10
}

// procLine returns what follows key on the first line that begins with it.
func procLine(path, key string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

func firstWord(s string) string {
	if f := strings.Fields(s); len(f) > 0 {
		return f[0]
	}
	return ""
}

// cgroupLeft is the limit of this process's control group (version 2, as seen
// from inside it) less what is in use and cannot be dropped.
func cgroupLeft(dir string) (uint64, bool) {
	limit, ok := readUint(filepath.Join(dir, "memory.max"))
	if !ok {
		return 0, false // no limit reads "max"
	}
	used, ok := readUint(filepath.Join(dir, "memory.current"))
	if !ok {
		return 0, false
	}
	stat, _ := os.ReadFile(filepath.Join(dir, "memory.stat"))
	for line := range strings.Lines(string(stat)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "file" {
			cache, _ := strconv.ParseUint(f[1], 10, 64)
			used -= min(used, cache)
		}
	}
	return limit - min(limit, used), true
}

func readUint(path string) (uint64, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}
