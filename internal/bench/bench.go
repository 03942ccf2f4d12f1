package bench

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/rng"
	"github.com/stablelora/stablelora/internal/sysinfo"
	"github.com/stablelora/stablelora/internal/tensor"
)

const (
	rank = 8 // of LoRA, on q_proj and v_proj
	seed = 42
)

// Options says what to measure.
type Options struct {
	Name       string        // of the shape
	Config     *model.Config // the shape
	Tokens     int           // of the one sequence of a step; at least 2
	Supervised float64       // fraction of them that is learnt, the last ones; above 0, at most 1
	Steps      int           // timed, after one that is not
	Compute    tensor.Compute
	Message    func(string) // progress
}

// Result is what was measured. Rates are of the median step.
type Result struct {
	Preset           string  `json:"preset"`
	Compute          string  `json:"compute"`
	Kernel           string  `json:"kernel"`
	Threads          int     `json:"threads"`
	Tokens           int     `json:"tokens"`
	Supervised       float64 `json:"supervised"`
	SupervisedTokens int     `json:"supervised_tokens"`
	Steps            int     `json:"steps"`
	Recompute        bool    `json:"recompute"`
	StepSeconds      float64 `json:"step_seconds"`
	TokensPerSecond  float64 `json:"tokens_per_second"`
	GFlops           float64 `json:"gflops"` // per second, of the work that cost.Train counts as needed
	Peaks
	FractionOfPeak float64 `json:"fraction_of_peak"`
	PromptSpeed    float64 `json:"prompt_tokens_per_second"`
	DecodeSpeed    float64 `json:"decode_tokens_per_second"`
	DecodeRead     float64 `json:"decode_bytes_per_second"` // of weights
	BatchSequences int     `json:"batch_decode_sequences"`
	BatchSpeed     float64 `json:"batch_decode_tokens_per_second"` // of all sequences together
	ReadSpeed      float64 `json:"read_bytes_per_second"`          // of this machine's memory, all threads
	PeakRSS        uint64  `json:"peak_rss_bytes"`
	Parts          []Part  `json:"parts"` // of the median step
}

// Part is a kind of work within a step.
type Part struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	// GFlops are per second, of the work that cost.Train counts as needed; 0: none.
	GFlops float64 `json:"gflops"`
}

// Run measures. It stops between steps where ctx ends.
func Run(ctx context.Context, o Options) (*Result, error) {
	c := o.Config
	supervised := min(max(1, int(math.Round(o.Supervised*float64(o.Tokens)))), o.Tokens-1)
	pass, err := fits(c, o.Tokens, supervised, sysinfo.AvailableMemory())
	if err != nil {
		return nil, err
	}
	r := &Result{
		Preset: o.Name, Compute: o.Compute.String(), Kernel: blas.Kernel(), Threads: parallel.Threads(), Recompute: pass.Recompute,
		Tokens: o.Tokens, Supervised: o.Supervised, SupervisedTokens: supervised, Steps: o.Steps,
	}
	r.compute = o.Compute
	o.Message("drawing random weights")
	m := model.Random(c, seed)
	m.Recompute = pass.Recompute
	m.Reserve(pass)
	m.SetCompute(o.Compute)
	readBefore := readSpeed(m.Embed.U16)
	r.sample()
	s, err := r.train(ctx, m, o)
	if err != nil {
		return nil, err
	}
	if err := r.infer(ctx, m, o); err != nil {
		return nil, err
	}
	r.sample()
	r.ReadSpeed = max(readBefore, readSpeed(m.Embed.U16))

	flops := cost.Train(c, ranks(c), cost.LoadOf(cost.Sequence{Tokens: o.Tokens, Supervised: supervised}), false).Needed
	r.StepSeconds = s.total
	r.TokensPerSecond = float64(o.Tokens) / s.total
	r.GFlops = flops.Total() / s.total / 1e9
	r.FractionOfPeak = r.GFlops / r.PeakGFlops
	r.Parts = s.table(flops)
	r.PeakRSS = sysinfo.PeakRSS()
	return r, nil
}

// optimizerPart is the part that nn does not know: clipping and update.
const optimizerPart = nn.NumParts

// step is the time of one training step, in seconds.
type step struct {
	parts [optimizerPart + 1]float64
	total float64
}

func (s *step) table(f cost.Flops) []Part {
	rows := []struct {
		name  string
		part  nn.Part
		flops float64
	}{
		{"linear forward", nn.LinearForward, f.LinearForward},
		{"linear backward", nn.LinearBackward, f.LinearBackward},
		{"attention forward", nn.AttentionForward, f.AttentionForward},
		{"attention backward", nn.AttentionBackward, f.AttentionBackward},
		{"LoRA", nn.LowRank, f.LowRank},
		{"head and loss", nn.HeadAndLoss, f.Head},
		{"element-wise", nn.Rest, 0},
		{"optimizer", optimizerPart, 0},
	}
	var parts []Part
	for _, row := range rows {
		p := Part{Name: row.name, Seconds: s.parts[row.part]}
		if p.Seconds > 0 {
			p.GFlops = row.flops / p.Seconds / 1e9
		}
		parts = append(parts, p)
	}
	return parts
}

// train returns the median step. The peak is sampled after each.
func (r *Result) train(ctx context.Context, m *model.Decoder, o Options) (step, error) {
	adapter, err := peft.New(peft.Spec{R: rank, Alpha: 2 * rank, Targets: peft.Targets{Names: []string{"q_proj", "v_proj"}}},
		peft.Modules(m), "kaiming", seed)
	if err != nil {
		return step{}, err
	}
	adapter.Attach(m)
	defer peft.Detach(m)
	var pairs []optim.Pair
	for _, p := range adapter.Pairs {
		pairs = append(pairs, optim.Pair{Name: p.Module, A: p.A, B: p.B})
	}
	optimizer, err := optim.New("stable_lora", pairs, hyper())
	if err != nil {
		return step{}, err
	}
	b := model.NewBatch()
	b.Append(randomTokens(o.Tokens, m.Config.VocabSize), func(t int) bool { return t >= o.Tokens-r.SupervisedTokens })
	b.Train = true

	var steps []step
	for k := range o.Steps + 1 {
		if err := ctx.Err(); err != nil {
			return step{}, err
		}
		if k == 1 {
			o.Message("timing training steps")
		}
		s, err := trainStep(m, b, pairs, optimizer)
		if err != nil {
			return step{}, err
		}
		if k > 0 { // the first one is a warm-up
			steps = append(steps, s)
			r.sample()
		}
	}
	return median(steps), nil
}

// median is the median step: of an even number the slower one in the middle.
func median(steps []step) step {
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.total, b.total) })
	return steps[len(steps)/2]
}

// hyper are the defaults.
func hyper() optim.Hyper {
	return optim.Hyper{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, ShrinkRatio: 0.0005, StopCondition: true}
}

// trainStep is what train's step does, with a clock.
func trainStep(m *model.Decoder, b *model.Batch, pairs []optim.Pair, optimizer optim.Optimizer) (step, error) {
	var s step
	start := time.Now()
	last := start
	b.OnLap = func(p nn.Part) {
		now := time.Now()
		s.parts[p] += now.Sub(last).Seconds()
		last = now
	}
	loss := 0.0
	for _, l := range m.LossAndGradient(b, 1/float64(len(b.Rows))) {
		loss += l
	}
	for _, p := range pairs {
		p.A.Sum.Finish()
		p.B.Sum.Finish()
	}
	optim.ClipGlobalNorm(pairs, 1)
	optimizer.Step(1e-4)
	b.Lap(optimizerPart)
	s.total = last.Sub(start).Seconds()
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return s, errors.New("the loss of the random model is not finite; please report this")
	}
	return s, nil
}

func randomTokens(n, vocab int) []int32 {
	s := rng.New(seed, "bench/tokens")
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(s.IntN(vocab))
	}
	return tokens
}
