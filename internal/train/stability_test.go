package train

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
)

// watched is a run of q_proj alone on single examples, made to be looked at
// while it goes.
func watched(t *testing.T, steps int, rate, lambda float64) *config.Config {
	return demoRun(t, func(c *config.Config) {
		c.LoRA.TargetModules = config.Targets{Names: []string{"q_proj"}}
		c.Train.MaxSteps, c.Train.BatchSize, c.Train.MicroBatchSize = steps, 1, 1
		c.Train.LearningRate, c.Train.LRScheduler, c.Optimizer.ShrinkRatio = rate, "constant", lambda
	})
}

// told runs and returns what was said that holds text.
func told(t *testing.T, cfg *config.Config, text string, o Options) (string, *Result) {
	t.Helper()
	r := &reporter{}
	o.Reporter = r
	result := mustRun(t, cfg, o)
	var found []string
	for _, s := range r.said {
		if strings.Contains(s, text) {
			found = append(found, s)
		}
	}
	if len(found) > 1 {
		t.Errorf("said %d times: %q", len(found), found)
	}
	return strings.Join(found, ""), result
}

// A shrink that will not stop in time is told, with a remedy that stops it.
func TestWarnsOfEndlessShrinking(t *testing.T) {
	const text = "shrinking will not stop within the run"
	slow := watched(t, 40, 1e-3, 0.0005)
	said, result := told(t, slow, text, Options{})
	advice := regexp.MustCompile(`; optimizer.shrink_ratio (\S+) would stop it`).FindStringSubmatch(said)
	if advice == nil {
		t.Fatalf("said %q", said)
	}
	if !strings.Contains(result.Stability.Text, "shrinking went on to the end in all 6 modules, where ‖A‖/n is still ") {
		t.Error(result.Stability.Text)
	}
	if got := result.Stability.Warnings; len(got) != 1 || got[0] != said {
		t.Errorf("stablelora.json says %q", got)
	}
	lambda, _ := strconv.ParseFloat(advice[1], 64)
	if said, better := told(t, watched(t, 40, 1e-3, lambda), text, Options{}); said != "" || !strings.Contains(better.Stability.Text, "shrinking stopped") {
		t.Errorf("with λ %g: said %q; %s", lambda, said, better.Stability.Text)
	}

	// A resumed run knows what was said, and sums up the whole of it.
	cut := watched(t, 40, 1e-3, 0.0005)
	interrupt(t, cut, Options{}, 25)
	if again, resumed := told(t, cut, text, Options{Resume: "auto"}); again != "" || resumed.Stability.Text != result.Stability.Text ||
		len(resumed.Stability.Warnings) != 1 {
		t.Errorf("resumed: said %q; %+v", again, resumed.Stability)
	}
}

// Where B is the larger at once, shrinking has done nothing.
func TestWarnsOfIdleShrinking(t *testing.T) {
	const text = "has taken"
	hot, _ := told(t, watched(t, 6, 0.5, 0.0005), text, Options{})
	if !strings.Contains(hot, "in 6 of 6 modules by step 2 ") || !strings.Contains(hot, "lower train.learning_rate") {
		t.Errorf("said %q", hot)
	}
	if said, _ := told(t, watched(t, 6, 0.5, 0.1), text, Options{}); said != "" {
		t.Errorf("with λ 0.1: %q", said)
	}
	if said, _ := told(t, watched(t, 6, 0.001, 0.0005), text, Options{}); said != "" {
		t.Errorf("with a small learning rate: %q", said)
	}
	trained := watched(t, 6, 0.5, 0.0005)
	mustRun(t, trained, Options{})
	from := watched(t, 2, 0.001, 0.0005)
	from.LoRA.InitFrom = trained.Output.Dir
	if said, _ := told(t, from, text, Options{}); !strings.Contains(said, "by step 1 ") || !strings.Contains(said, "lora.init_from") {
		t.Errorf("from a trained adapter: %q", said)
	}
}

// A loss that runs away is told while it is finite, on the way.
func TestWarnsOfDivergence(t *testing.T) {
	const text = "the loss runs away"
	blown := watched(t, 17, 10, 0.0005)
	blown.Train.BatchSize, blown.Train.MicroBatchSize = 8, 8
	if said, _ := told(t, blown, text, Options{}); !strings.Contains(said, "try train.learning_rate below 5,") {
		t.Errorf("said %q", said)
	}
	for _, rate := range []float64{1e-3, 2e-2} {
		if said, _ := told(t, watched(t, 40, rate, 0.0005), text, Options{}); said != "" {
			t.Errorf("learning rate %g: %q", rate, said)
		}
	}
}
