package train

import (
	"strings"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/metrics"
)

// Preview is what a run would do.
type Preview struct {
	Records             int      `json:"records"`
	HeldOutRecords      int      `json:"held_out_records"`
	TokensPerEpoch      int      `json:"tokens_per_epoch"`
	SupervisedPerEpoch  int      `json:"supervised_tokens_per_epoch"`
	LongestExample      int      `json:"longest_example"`
	Steps               int      `json:"steps"`
	StepsPerEpoch       int      `json:"steps_per_epoch"`
	WarmupSteps         int      `json:"warmup_steps"`
	AdaptedModules      []string `json:"adapted_modules"`
	TrainableParameters int      `json:"trainable_parameters"`
	Scale               float64  `json:"scale"` // of the first module
	ActivationBytes     uint64   `json:"activation_bytes"`
	AdapterBytes        uint64   `json:"adapter_bytes"`
	Recompute           bool     `json:"recompute"`
	Example             string   `json:"example"` // the first of the run, supervised text in «»
}

// DryRun opens and checks everything that Run would and writes nothing.
func DryRun(cfg *config.Config, r metrics.Reporter) (*Preview, error) {
	t, err := open(Options{Config: cfg, Reporter: r})
	if err != nil {
		return nil, err
	}
	defer t.close()
	p := &Preview{
		Records: len(t.train.Examples), TokensPerEpoch: t.train.Tokens(), SupervisedPerEpoch: t.train.Supervised(),
		LongestExample: t.train.Longest(), Steps: t.total, StepsPerEpoch: t.batches.StepsPerEpoch(),
		WarmupSteps: t.schedule.WarmupSteps(), Scale: t.adapter.Pairs[0].Scale,
		ActivationBytes: t.memory.Pass(), AdapterBytes: t.memory.Adapter(), Recompute: t.recompute,
	}
	if t.heldOut != nil {
		p.HeldOutRecords = len(t.heldOut.Examples)
	}
	for _, pair := range t.adapter.Pairs {
		p.AdaptedModules = append(p.AdaptedModules, pair.Module)
		p.TrainableParameters += len(pair.A.Value.Data) + len(pair.B.Value.Data)
	}
	p.Example = t.markSupervised()
	return p, nil
}

// markSupervised decodes the first example of the run with its supervised
// stretches in «».
func (t *trainer) markSupervised() string {
	e := t.batches.Step(0)[0]
	var b strings.Builder
	for lo := 0; lo < len(e.Tokens); {
		hi := lo
		for hi < len(e.Tokens) && e.Supervised(hi) == e.Supervised(lo) {
			hi++
		}
		text := t.tok.Decode(e.Tokens[lo:hi], false)
		if e.Supervised(lo) {
			text = "«" + text + "»"
		}
		b.WriteString(text)
		lo = hi
	}
	return b.String()
}
