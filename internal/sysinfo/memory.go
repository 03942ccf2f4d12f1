package sysinfo

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// AvailableMemory is the memory in bytes that can still be used: Linux'
// MemAvailable, or what the control group has left if that is less. 0 where it
// is not known.
func AvailableMemory() uint64 {
	free := procBytes("/proc/meminfo", "MemAvailable:")
	if left, ok := cgroupLeft("/sys/fs/cgroup"); ok && left < free {
		free = left
	}
	return free
}

// procBytes reads a line "key 123 kB" of a file of /proc; 0 where there is none.
func procBytes(path, key string) uint64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == key {
			kb, _ := strconv.ParseUint(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
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
