package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/preset"
	"github.com/stablelora/stablelora/internal/train"
)

// plan is the command's result.
type plan struct {
	Model       string  `json:"model"` // the preset or the folder
	Compute     string  `json:"compute"`
	Kernel      string  `json:"kernel"`
	Threads     int     `json:"threads"`
	Parameters  int64   `json:"parameters"`
	Trainable   int64   `json:"trainable_parameters"`
	Modules     int     `json:"adapted_modules"`
	Steps       int     `json:"steps"`
	Sequences   float64 `json:"sequences"` // of all steps
	Tokens      float64 `json:"tokens"`
	Supervised  float64 `json:"supervised_tokens"`
	Longest     int     `json:"longest_example"`
	MemoryBytes uint64  `json:"memory_bytes"` // as the run would choose
	Recompute   bool    `json:"recompute"`
	Kept        memory  `json:"memory_kept"` // with activations kept
	Again       memory  `json:"memory_recomputed"`
	Available   uint64  `json:"available_bytes"` // to keep to; 0: not known
	Fits        bool    `json:"fits"`            // into memory and time to keep to
	Flops       float64 `json:"flops"`           // needed work, of all steps
	FlopsAgain  float64 `json:"flops_recomputed"`
	StepFlops   float64 `json:"flops_per_step"`
	Seconds     float64 `json:"seconds"`
	StepSeconds float64 `json:"seconds_per_step"`
	Speed       float64 `json:"tokens_per_second"`
	GFlops      float64 `json:"gflops"`                // per second, of needed work
	Peak        float64 `json:"peak_gflops,omitempty"` // where this machine was measured

	Energy *float64 `json:"energy_kwh,omitempty"`
	Price  *float64 `json:"price,omitempty"`

	Assumptions []string      `json:"assumptions"`
	Advice      []cost.Change `json:"advice"`
}

// memory is cost.Memory with its sum.
type memory struct {
	Total       uint64 `json:"total_bytes"`
	Weights     uint64 `json:"weights_bytes"`
	Activations uint64 `json:"activations_bytes"`
	Working     uint64 `json:"working_bytes"`
	Factors     uint64 `json:"factors_bytes"`
	Gradients   uint64 `json:"gradients_bytes"`
	Moments     uint64 `json:"moments_bytes"`
	Sums        uint64 `json:"gradient_sums_bytes"`
	Packing     uint64 `json:"packing_bytes"`
	Program     uint64 `json:"program_bytes"`
}

func newMemory(m cost.Memory) memory {
	return memory{m.Total(), m.Weights, m.Activations, m.Working, m.Factors, m.Gradients, m.Moments, m.Sums, m.Packing, m.Program}
}

// describe reads what there is of the run, and notes what is assumed.
func (p *plan) describe(e *env, o planOptions) (*config.Config, *cost.Job, error) {
	var (
		cfg    *config.Config
		shape  *model.Config
		absent string
		err    error
	)
	if o.preset != "" {
		var ok bool
		if shape, ok = preset.Config(o.preset); !ok {
			return nil, nil, unknownPreset(o.preset)
		}
		if cfg, err = config.Defaults(o.sets); err != nil {
			return nil, nil, err
		}
		absent = "a preset has no data"
	} else {
		if cfg, err = loadConfig(e, o.config, o.sets); err != nil {
			return nil, nil, err
		}
		p.Model = cfg.Model.Path
		if absent = absentInput(cfg); !model.HasWeights(cfg.Model.Path) {
			p.assume("there are no weights in %s: their size is that of config.json's dtype", cfg.Model.Path)
		}
	}
	var records *train.Records
	if absent != "" {
		records = p.assumeRecords(cfg, o, absent)
	}
	job, err := train.Plan(cfg, shape, records, e.reporter(cfg.Log.Every))
	return cfg, job, err
}

// absentInput names a file without which the data cannot be tokenized.
func absentInput(cfg *config.Config) string {
	files := []string{filepath.Join(cfg.Model.Path, "tokenizer.json")}
	for _, f := range append(cfg.Data.Train, cfg.Data.Eval...) {
		files = append(files, f.Path)
	}
	for _, path := range files {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return "there is no " + path
		}
	}
	return ""
}

func (p *plan) assumeRecords(cfg *config.Config, o planOptions, why string) *train.Records {
	length, share := cfg.Data.MaxLength, o.supervised
	if cfg.Data.TrainOn == "all" {
		share = 1
	}
	supervised := min(max(1, int(math.Round(share*float64(length)))), length-1)
	p.assume("%s: %d records of %d tokens each, %d of them supervised (--records, data.max_length, --supervised)", why, o.records, length, supervised)
	return &train.Records{Number: o.records, Sequence: cost.Sequence{Tokens: length, Supervised: supervised}}
}

func (p *plan) assume(format string, args ...any) {
	p.Assumptions = append(p.Assumptions, fmt.Sprintf(format, args...))
}

// estimate fills in what the job costs.
func (p *plan) estimate(j *cost.Job, s cost.Survey, r cost.Rates, l cost.Limits, prices cost.Prices) {
	est := j.Estimate(s, r, l.Bytes)
	p.Parameters, p.Trainable = j.Config.NumParameters(), cost.TrainableParameters(j.Config, j.Ranks)
	for _, block := range j.Ranks {
		for _, rank := range block {
			p.Modules += min(rank, 1)
		}
	}
	p.Steps, p.Sequences, p.Tokens, p.Supervised, p.Longest = j.Steps, s.Sequences, s.Tokens, s.Supervised, s.Longest
	sizes := j.Sizes(s)
	p.MemoryBytes, p.Recompute, p.Available = est.Memory.Total(), est.Recompute, l.Bytes
	p.Kept, p.Again = newMemory(sizes.Memory(false)), newMemory(sizes.Memory(true))
	p.Flops, p.FlopsAgain, p.Seconds = est.Work.Needed.Total(), est.Work.Again.Total(), est.Seconds
	steps := float64(max(j.Steps, 1))
	p.StepFlops, p.StepSeconds = p.Flops/steps, p.Seconds/steps
	p.Speed, p.GFlops = s.Tokens/p.Seconds, p.Flops/p.Seconds/1e9
	kWh, money, hasEnergy, hasMoney := prices.Of(p.Seconds)
	if hasEnergy {
		p.Energy = &kWh
	}
	if hasMoney {
		p.Price = &money
	}
	p.Fits = (l.Bytes == 0 || p.MemoryBytes <= l.Bytes) && (l.Seconds == 0 || p.Seconds <= l.Seconds)
	p.Advice = append(p.Advice, j.Advise(r, l)...)
}
