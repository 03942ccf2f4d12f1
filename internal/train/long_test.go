//go:build linux

package train

import (
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
)

// usage is what this process holds.
type usage struct{ rss, files, goroutines int }

func measureUsage(t *testing.T) usage {
	t.Helper()
	debug.FreeOSMemory() // garbage, of which there may be a few MB, is not counted
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	kb, err := strconv.Atoi(string(regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)[1]))
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return usage{kb, len(files), runtime.NumGoroutine()}
}

// After 10,000 steps a run holds what it held after 2000: memory within 2 %, no
// more files and goroutines. Until then pages of the program and of the runtime are
// touched for the first time, about 1.3 MB.
func TestLongRun(t *testing.T) {
	if os.Getenv("STABLELORA_TEST_LONG") == "" {
		t.Skip("10,000 steps take minutes: set STABLELORA_TEST_LONG=1")
	}
	cfg := demoRun(t, func(c *config.Config) {
		c.Train.MaxSteps, c.Train.BatchSize = 10_000, 1 // every record is seen in the first 100 steps
		c.Output.SaveEvery = 500
	})
	var early, end usage
	mustRun(t, cfg, Options{Reporter: &reporter{onStep: func(step int) {
		switch step {
		case 2000:
			early = measureUsage(t)
		case 10_000:
			end = measureUsage(t)
		}
	}}})
	t.Logf("after 2000 steps %+v, after 10,000 %+v (rss in kB)", early, end)
	if float64(end.rss) > 1.02*float64(early.rss) || end.files > early.files || end.goroutines > early.goroutines {
		t.Errorf("it grew: after 2000 steps %+v, after 10,000 %+v", early, end)
	}
}
