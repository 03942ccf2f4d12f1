package main

import (
	"math"
	"strconv"
	"strings"
)

// parseBytes reads an amount of memory: 16GB, 1.5 GiB, 800MB.
func parseBytes(flag, text string) (uint64, error) {
	s := strings.ToLower(strings.TrimSpace(text))
	for _, u := range []struct {
		name string
		size float64
	}{{"gib", 1 << 30}, {"mib", 1 << 20}, {"gb", 1e9}, {"mb", 1e6}} {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		if x, err := strconv.ParseFloat(strings.TrimSpace(number), 64); err == nil && x > 0 && x*u.size < math.MaxInt64 {
			return uint64(x * u.size), nil
		}
		break
	}
	return 0, usagef("%s %q must be a size such as 16GB, 1.5GiB or 800MB", flag, text)
}
