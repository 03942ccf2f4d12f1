package sysinfo

import (
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// controller is how a version of Linux' control groups tells of memory.
type controller struct {
	mount          string // below the folder of all control groups
	limit, used    string
	active, unused string // of memory.stat: pages of files, which can be dropped
}

var controllers = []controller{
	{"", "memory.max", "memory.current", "active_file", "inactive_file"},
	{"memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_active_file", "total_inactive_file"},
}

// unlimited is below what version 1 gives for no limit, and above any memory.
const unlimited = 1 << 60

// cgroupMemory is the smallest limit of this process's control group and those it
// lies in, and the least that any of them has left. root is where control groups
// are mounted, self the text of /proc/self/cgroup; ok: there is a limit.
func cgroupMemory(root, self string) (limit, left uint64, ok bool) {
	limit, left = unlimited, unlimited
	for line := range strings.Lines(self) {
		// "0::/a/b" of version 2, "9:memory:/a/b" of version 1.
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		c := controllers[0]
		if f[1] != "" {
			c = controllers[1]
			if !strings.Contains(","+f[1]+",", ",memory,") {
				continue
			}
		}
		// Inside a container the path may be the host's, of which only the mount
		// itself is seen: folders that are not there have no limit.
		for group := path.Join("/", f[2]); ; group = path.Dir(group) {
			if l, rest, found := c.read(filepath.Join(root, c.mount, group)); found {
				limit, left, ok = min(limit, l), min(left, rest), true
			}
			if group == "/" {
				break
			}
		}
	}
	return limit, left, ok
}

// read returns the limit of one group and what is left of it: the limit less what
// is in use and cannot be dropped.
func (c controller) read(dir string) (limit, left uint64, ok bool) {
	limit, ok = readUint(filepath.Join(dir, c.limit)) // no limit reads "max"
	used, known := readUint(filepath.Join(dir, c.used))
	if !ok || !known || limit >= unlimited {
		return 0, 0, false
	}
	stat, _ := os.ReadFile(filepath.Join(dir, "memory.stat"))
	for line := range strings.Lines(string(stat)) {
		if f := strings.Fields(line); len(f) == 2 && (f[0] == c.active || f[0] == c.unused) {
			cache, _ := strconv.ParseUint(f[1], 10, 64)
			used -= min(used, cache)
		}
	}
	return limit, limit - min(limit, used), true
}

func readUint(path string) (uint64, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}
