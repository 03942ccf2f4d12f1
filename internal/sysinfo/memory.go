package sysinfo

import (
	"os"
	"strconv"
	"strings"
)

const (
	meminfo = "/proc/meminfo"
	cgroup  = "/sys/fs/cgroup"
)

// Memory is the machine's, in bytes; 0 where it is not known.
type Memory struct {
	Total     uint64
	Available uint64 // as AvailableMemory
	PageCache uint64 // files' contents, which can be dropped
	Limit     uint64 // of the control groups; 0: none
	SwapTotal uint64
	SwapUsed  uint64
}

// ReadMemory asks the system.
func ReadMemory() Memory {
	m := Memory{Total: procBytes(meminfo, "MemTotal:"), Available: AvailableMemory(), PageCache: procBytes(meminfo, "Cached:"),
		SwapTotal: procBytes(meminfo, "SwapTotal:")}
	m.SwapUsed = m.SwapTotal - min(m.SwapTotal, procBytes(meminfo, "SwapFree:"))
	if limit, _, ok := ownCgroup(); ok {
		m.Limit = limit
	}
	return m
}

// AvailableMemory is the memory in bytes that can still be used: Linux'
// MemAvailable, or what the control groups or the limit of this process's address
// space (ulimit -v) have left if that is less. 0 where it is not known.
func AvailableMemory() uint64 {
	free := procBytes(meminfo, "MemAvailable:")
	if _, left, ok := ownCgroup(); ok && left < free {
		free = left
	}
	if left, ok := addressSpace(); ok && left < free {
		free = left
	}
	return free
}

func ownCgroup() (limit, left uint64, ok bool) {
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0, 0, false
	}
	return cgroupMemory(cgroup, string(self))
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
