package train

import (
	"path/filepath"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/model"
)

// A plan is of the run that would follow: the same tokens, parameters, memory.
func TestPlan(t *testing.T) {
	cfg := demoRun(t, nil)
	job, err := Plan(cfg, nil, nil, &reporter{})
	if err != nil {
		t.Fatal(err)
	}
	s := job.Survey()
	preview, err := DryRun(cfg, &reporter{})
	if err != nil {
		t.Fatal(err)
	}
	_, memory, _ := job.Sizes(s).Choose(job.Recompute, 0)
	if job.Steps != 6 || s.Sequences != 24 || s.MicroBatches != 12 || s.MaxBatch != 4 || !job.Dropout || s.Longest > preview.LongestExample ||
		cost.TrainableParameters(job.Config, job.Ranks) != int64(preview.TrainableParameters) ||
		memory.Pass() != preview.ActivationBytes || memory.Adapter() != preview.AdapterBytes {
		t.Errorf("%+v, the run %+v", s, preview)
	}
	tokens := 0
	mustRun(t, cfg, Options{Reporter: &counter{tokens: &tokens}})
	if int(s.Tokens) != tokens {
		t.Errorf("%v tokens, the run %d", s.Tokens, tokens)
	}
}

// counter counts tokens.
type counter struct {
	reporter
	tokens *int
}

func (c *counter) Step(row metrics.StepRow) { *c.tokens += row.Tokens }

// Without data the records are assumed; of a shape alone nothing is read.
func TestPlanAssumes(t *testing.T) {
	cfg, err := config.Defaults([]string{"train.batch_size=4", "train.epochs=3", "lora.layers=[1]"})
	if err != nil {
		t.Fatal(err)
	}
	shape, err := model.ReadConfig(filepath.FromSlash("../demo/model"))
	if err != nil {
		t.Fatal(err)
	}
	records := &Records{Number: 10, Sequence: cost.Sequence{Tokens: 50, Supervised: 10}}
	job, err := Plan(cfg, shape, records, &reporter{})
	if err != nil {
		t.Fatal(err)
	}
	s := job.Survey()
	if job.Steps != 9 || s.Sequences != 30 || s.Tokens != 1500 || s.Supervised != 300 || s.MaxBatch != 4 || s.MaxRows != 4*49 {
		t.Errorf("%+v", s)
	}
	if job.Ranks[0] != (model.Ranks{}) || job.Ranks[1] != (model.Ranks{model.Q: 8, model.V: 8}) {
		t.Errorf("ranks %v", job.Ranks)
	}
	if want := uint64(shape.NumParameters()) * uint64(shape.DType.Size()); job.WeightBytes != want {
		t.Errorf("%d bytes of weights, want %d", job.WeightBytes, want)
	}
}
