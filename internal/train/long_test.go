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

// After 10,000 steps a run holds what it held after 100: memory within 2 %, no
// more files and goroutines.
func TestLongRun(t *testing.T) {
	if os.Getenv("STABLELORA_TEST_LONG") == "" {
		t.Skip("10,000 steps take minutes: set STABLELORA_TEST_LONG=1")
	}
	cfg := demoRun(t, func(c *config.Config) {
		c.Train.MaxSteps, c.Train.BatchSize = 10_000, 1 // every record is seen in the first 100 steps
		c.Output.SaveEvery = 500
	})
	var after100, end usage
	mustRun(t, cfg, Options{Reporter: &reporter{onStep: func(step int) {
		switch step {
		case 100:
			after100 = measureUsage(t)
		case 10_000:
			end = measureUsage(t)
		}
	}}})
	t.Logf("after 100 steps %+v, after 10,000 %+v (rss in kB)", after100, end)
	if float64(end.rss) > 1.02*float64(after100.rss) || end.files > after100.files || end.goroutines > after100.goroutines {
		t.Errorf("it grew: after 100 steps %+v, after 10,000 %+v", after100, end)
	}
}
