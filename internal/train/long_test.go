//go:build linux

package train

import (
	"os"
	"runtime"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
)

// A run opens no file and starts no goroutine that stays, in its steps, its
// evaluations and its checkpoints.
func TestNothingStaysOpen(t *testing.T) {
	cfg := demoRun(t, func(c *config.Config) {
		c.Train.MaxSteps, c.Train.BatchSize = 60, 1
		c.Output.SaveEvery, c.Eval.EverySteps = 2, 3
		c.Data.Eval = c.Data.Train[:1]
	})
	held := func() (files, goroutines int) {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(open), runtime.NumGoroutine()
	}
	files, goroutines := 0, 0
	mustRun(t, cfg, Options{Reporter: &reporter{onStep: func(step int) {
		switch step {
		case 10:
			files, goroutines = held()
		case 60:
			if f, g := held(); f > files || g > goroutines {
				t.Errorf("from step 10 to 60 %d open files became %d, %d goroutines %d", files, f, goroutines, g)
			}
		}
	}}})
}
