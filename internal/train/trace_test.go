package train

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/data"
	"github.com/stablelora/stablelora/internal/golden"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/stability"
	"github.com/stablelora/stablelora/internal/tensor"
)

// trace is a recorded run of PyTorch, step by step.
type trace struct {
	g        *golden.File
	steps    int
	perStep  int // examples of a step, in micro-batches as they were
	micro    int
	schedule string
	warmup   int
	lr       float64
	weights  float64 // tolerance on A and B, relative
	keep     []int   // (steps, pairs): latches after each step; nil where nothing shrinks
}

// examples turns the padded micro-batches (steps, micro-batches, B, T) into
// examples in order.
func (r *trace) examples() []*data.Example {
	shape := r.g.Shape("input_ids")
	ids, labels, mask := r.g.Ints("input_ids"), r.g.Ints("labels"), r.g.Ints("attention_mask")
	r.steps, r.perStep, r.micro = shape[0], shape[1]*shape[2], shape[2]
	width := shape[3]
	var all []*data.Example
	for row := 0; row < len(ids); row += width {
		var tokens []int32
		for t := 0; t < width && mask[row+t] == 1; t++ {
			tokens = append(tokens, int32(ids[row+t]))
		}
		all = append(all, data.NewExample(tokens, func(t int) bool { return labels[row+t] != -100 }))
	}
	return all
}

// run trains on the recorded batches and compares every step. micro is the
// micro-batch size to use, which must not matter.
func (r *trace) run(t *testing.T, m *model.Decoder, a *peft.Adapter, optimizer string, hp optim.Hyper, clip float64, micro int) {
	t.Helper()
	set := data.NewSet(r.examples())
	cfg := config.Default()
	cfg.Train.BatchSize, cfg.Train.MicroBatchSize, cfg.Train.MaxGradNorm = r.perStep, micro, clip
	tr := &trainer{cfg: &cfg, model: m, adapter: a, train: set, total: r.steps}
	tr.batches = data.NewBatches(set, r.perStep, 0, false)
	var err error
	if tr.schedule, err = optim.NewSchedule(r.schedule, r.lr, r.steps, r.warmup, 0, 0); err != nil {
		t.Fatal(err)
	}
	for _, p := range a.Pairs {
		tr.pairs = append(tr.pairs, optim.Pair{Name: p.Module, A: p.A, B: p.B})
	}
	if tr.optimizer, err = optim.New(optimizer, tr.pairs, hp); err != nil {
		t.Fatal(err)
	}
	tr.monitor = stability.New(stability.Run{Every: 1000, Pairs: tr.pairs, Optimizer: tr.optimizer, Hyper: hp, Schedule: tr.schedule, Total: r.steps})
	losses, norms := r.g.Floats("loss"), r.g.Floats("grad_norm")
	worstLoss, worst := 0.0, 0.0
	for k := range r.steps {
		row, stable, err := tr.step(k)
		if err != nil {
			t.Fatal(err)
		}
		worstLoss = max(worstLoss, math.Abs(row.Loss-losses[k]))
		if !(math.Abs(row.Loss-losses[k]) <= 2e-5) {
			t.Fatalf("step %d: loss %v, PyTorch has %v", k+1, row.Loss, losses[k])
		}
		if !(math.Abs(row.GradNorm-norms[k]) <= r.weights*norms[k]) {
			t.Errorf("step %d: gradient norm %v, PyTorch has %v", k+1, row.GradNorm, norms[k])
		}
		for i := range tr.pairs {
			if r.keep != nil && stable[i].Shrinking != (r.keep[k*len(tr.pairs)+i] == 1) {
				t.Errorf("step %d: %s shrinking %v", k+1, tr.pairs[i].Name, stable[i].Shrinking)
			}
		}
		for _, p := range a.Params() {
			for _, name := range []string{"step" + itoa(k+1) + "." + p.Name, "end." + p.Name} {
				if r.g.Has(name) && (strings.HasPrefix(name, "step") || k == r.steps-1) {
					e := golden.RelativeError(p.Value.Data, r.g.Floats(name))
					if worst = max(worst, e); !(e <= r.weights) {
						t.Errorf("%s is off by %.2g of its norm", name, e)
					}
				}
			}
		}
	}
	t.Logf("largest difference of a loss %.2g, of a factor %.2g of its norm", worstLoss, worst)
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// The traces of testdata are made by scripts/golden/model.py: ten steps of two
// micro-batches, linear schedule, clipping at 1. The tolerance on the factors is
// that of a rate of 0.02, with which float32 rounding grows from step to step.
func TestTrace(t *testing.T) {
	for _, optimizer := range optim.Names() {
		for _, micro := range []int{1, 2, 4} {
			g := golden.Open(t, filepath.Join("testdata", "trace-"+optimizer+".safetensors"))
			m, err := model.Load(filepath.Join("..", "model", "testdata", "qwen2"))
			if err != nil {
				t.Fatal(err)
			}
			a, err := peft.New(peft.Spec{R: 3, Alpha: 6, Targets: peft.Targets{Names: []string{"q_proj", "v_proj", "down_proj"}}}, peft.Modules(m), "zero", 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range a.Params() {
				copy32(p.Value, g.Floats("start."+p.Name))
			}
			a.Attach(m)
			r := &trace{g: g, schedule: "linear", lr: 0.02, weights: 1e-3}
			hp := optim.Hyper{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, LRRatio: 4, Reg: 0.1, CorrectBias: true,
				ClipUnmagnified: 1, SkipUpdate: 1}
			if optimizer == "lora_rite" {
				hp.Eps = 1e-6
			}
			if optimizer == "stable_lora" {
				hp.ShrinkRatio, hp.StopCondition = 0.08, true
				r.keep = g.Ints("keep")
				if !slices.Contains(r.keep, 0) || !slices.Contains(r.keep, 1) {
					t.Fatal("the trace must hold latched and unlatched pairs")
				}
			}
			r.run(t, m, a, optimizer, hp, 1, micro)
			m.Close()
		}
	}
}

func copy32(m tensor.Matrix, values []float64) {
	for i, v := range values {
		m.Data[i] = float32(v)
	}
}

// description is the part of a trace's JSON file that is needed here.
type description struct {
	Model, Adapter, Optimizer string
	Hyperparameters           struct {
		LR          float64
		Betas       []float64
		Eps         float64
		WeightDecay float64 `json:"weight_decay"`
		ShrinkRatio float64 `json:"shrink_ratio"`
		LRRatio     float64 `json:"lr_ratio"`
		Reg         float64
		Clip        float64 `json:"clip_unmagnified_grad"`
		Skip        float64 `json:"update_skipping"`
		Escape      bool    `json:"apply_escape"`
	}
	Schedule struct {
		Kind   string
		Warmup int `json:"warmup_steps"`
	}
	MaxGradNorm *float64 `json:"max_grad_norm"`
}

// Traces of torch's AdamW, of Stable-LoRA's and LoRA-RITE's official codes and of
// PEFT's Riemannian preconditioner over 25 steps.
func TestSharedTraces(t *testing.T) {
	for _, name := range []string{
		"adamw-llama-untied", "adamw-llama3-tiny", "adamw-qwen2-tiny",
		"stable_lora-qwen2-tiny", "stable_lora-latch-qwen2-tiny", "stable_lora-latch-llama3-tiny",
		"lora_plus-llama3-tiny", "lora_plus-qwen2-tiny", "riemann-llama3-tiny", "riemann-qwen2-tiny",
		"lora_rite-escape-qwen2-tiny", "lora_rite-llama3-tiny", "lora_rite-qwen2-tiny",
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(golden.Shared(t, "fixtures", "traces", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var d description
			if err := json.Unmarshal(raw, &d); err != nil {
				t.Fatal(err)
			}
			g := golden.Open(t, golden.Shared(t, "fixtures", "traces", name+".safetensors"))
			m, err := model.Load(golden.Shared(t, "fixtures", "models", d.Model))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			a, err := peft.Load(golden.Shared(t, "fixtures", d.Adapter), peft.Modules(m), peft.AllowZeroB)
			if err != nil {
				t.Fatal(err)
			}
			a.Attach(m)
			r := &trace{g: g, schedule: d.Schedule.Kind, warmup: d.Schedule.Warmup, lr: d.Hyperparameters.LR, weights: 1e-4}
			if strings.Contains(name, "latch") {
				r.weights = 1e-3 // a large rate
			}
			h := d.Hyperparameters
			hp := optim.Hyper{Beta1: h.Betas[0], Beta2: h.Betas[1], Eps: h.Eps, WeightDecay: h.WeightDecay, ShrinkRatio: h.ShrinkRatio, StopCondition: true,
				LRRatio: h.LRRatio, Reg: h.Reg, CorrectBias: true, ClipUnmagnified: h.Clip, SkipUpdate: h.Skip, Escape: h.Escape}
			if d.Optimizer == "stable_lora" {
				r.keep = g.Ints("keep")
			}
			clip := 0.0
			if d.MaxGradNorm != nil {
				clip = *d.MaxGradNorm
			}
			r.run(t, m, a, d.Optimizer, hp, clip, 3)
		})
	}
}
