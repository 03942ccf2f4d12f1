package sysinfo

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// CPU is what the processor offers to this process.
type CPU struct {
	Model    string   // "" where it is not known
	Cores    int      // that this process may be scheduled on
	Quota    float64  // cores' worth of time that the control group allows; 0: no limit
	Features []string // instructions that matter to products
}

// ReadCPU asks the system.
func ReadCPU() CPU {
	return CPU{Model: cpuModel(), Cores: runtime.NumCPU(), Quota: cgroupQuota(cgroup), Features: features()}
}

// cpuModel is the processor's name as Linux has it.
func cpuModel() string {
	return strings.TrimSpace(strings.TrimPrefix(procLine("/proc/cpuinfo", "model name"), ":"))
}

// cgroupQuota reads cpu.max, "quota period" in microseconds or "max period".
func cgroupQuota(dir string) float64 {
	data, err := os.ReadFile(filepath.Join(dir, "cpu.max"))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(data))
	if len(f) != 2 {
		return 0
	}
	quota, err1 := strconv.ParseFloat(f[0], 64)
	period, err2 := strconv.ParseFloat(f[1], 64)
	if err1 != nil || err2 != nil || !(period > 0) {
		return 0
	}
	return quota / period
}

// have lists the names of the features that are there.
func have(features []feature) []string {
	names := []string{}
	for _, f := range features {
		if f.there {
			names = append(names, f.name)
		}
	}
	return names
}

type feature struct {
	name  string
	there bool
}
