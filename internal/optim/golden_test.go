package optim

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

type golden struct {
	AdamW []struct {
		Betas       [2]float64
		Eps         float64
		WeightDecay float64 `json:"weight_decay"`
		MaxNorm     float64 `json:"max_norm"`
		A0, B0      [][]float64
		Steps       []struct {
			LR, Norm     float64
			GA, GB, A, B [][]float64
		}
	}
	Methods struct {
		A0, B0 [][][]float64
		G      [][][][]float64 // of each step and pair
		Cases  []struct {
			goldenHyper
			Optimizer string
			After     []struct {
				Step int
				A, B [][][]float64 // of each pair
			}
		}
	}
	Schedules []struct {
		Kind          string
		Base          float64
		Total, Warmup int
		LR            []float64
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.AdamW) == 0 || len(g.Schedules) == 0 || len(g.Methods.Cases) == 0 {
		t.Fatal("testdata/golden.json holds no cases")
	}
	return g
}

// The same float32 operations as torch's, but for torch's fused multiply-adds:
// a few units in the last place of values around 1.
func TestAdamWAndClippingAgainstTorch(t *testing.T) {
	for i, c := range readGolden(t).AdamW {
		pairs := []Pair{pairOf("m", c.A0, c.B0)}
		o := mustNew(t, "adamw", pairs, Hyper{Beta1: c.Betas[0], Beta2: c.Betas[1], Eps: c.Eps, WeightDecay: c.WeightDecay})
		for k, s := range c.Steps {
			set(pairs[0].A.Grad, s.GA)
			set(pairs[0].B.Grad, s.GB)
			if norm := ClipGlobalNorm(pairs, c.MaxNorm); math.Abs(norm-s.Norm) > 1e-6*s.Norm {
				t.Errorf("case %d step %d: norm %v, want %v", i, k, norm, s.Norm)
			}
			o.Step(s.LR)
			if d := max(maxDiff(pairs[0].A.Value, s.A), maxDiff(pairs[0].B.Value, s.B)); d > 5e-7 {
				t.Errorf("case %d step %d: differs from torch by %.1e", i, k, d)
			}
		}
	}
}

// LoRA+ as torch's AdamW in two groups, Riemann as PEFT's preconditioner before
// it and the authors' two variants, LoRA-RITE with each of its switches: ten
// steps from B = 0 in float64, with an exploding and a zero gradient on the way.
// Float32 factors and moments keep 3e-6 of values around 1.
func TestMethodsAgainstFloat64(t *testing.T) {
	g := readGolden(t).Methods
	for i, c := range g.Cases {
		pairs := pairsOf(g.A0, g.B0)[:len(c.After[0].A)]
		o := mustNew(t, c.Optimizer, pairs, c.hyper())
		after := c.After
		for k, grads := range g.G {
			for j, p := range pairs {
				lossGrads(p, grads[j], 2)
			}
			o.Step(c.LR)
			if len(after) == 0 || after[0].Step != k+1 {
				continue
			}
			for j, p := range pairs {
				if d := max(maxDiff(p.A.Value, after[0].A[j]), maxDiff(p.B.Value, after[0].B[j])); d > 3e-6 {
					t.Errorf("case %d, %s, step %d, pair %d: differs by %.1e", i, c.Optimizer, k+1, j, d)
				}
			}
			after = after[1:]
		}
		if len(after) > 0 {
			t.Errorf("case %d: step %d was not reached", i, after[0].Step)
		}
	}
}

func TestSchedulesAgainstTransformers(t *testing.T) {
	for _, c := range readGolden(t).Schedules {
		s, err := NewSchedule(c.Kind, c.Base, c.Total, c.Warmup, 0.5, 0)
		if err != nil {
			t.Fatal(err)
		}
		if c.Warmup == 0 { // 0 steps leaves the choice to the ratio
			if s, err = NewSchedule(c.Kind, c.Base, c.Total, 0, 0, 0); err != nil {
				t.Fatal(err)
			}
		}
		for k, want := range c.LR {
			if got := s.LR(k); math.Abs(got-want) > 1e-15*c.Base {
				t.Errorf("%s %d/%d: LR(%d) = %v, want %v", c.Kind, c.Warmup, c.Total, k, got, want)
			}
		}
	}
}

// Three steps on one 4x3 layer with r = 2, s = 2, computed in float64 from the
// formulas. Float32 keeps 2e-6 of it here.
func TestThreeStepVectors(t *testing.T) {
	a0 := [][]float64{{.30, -.20, .50}, {-.40, .10, .25}}
	b0 := [][]float64{{0, 0}, {0, 0}, {0, 0}, {0, 0}}
	grads := [][][]float64{
		{{.10, -.20, .30}, {.40, .05, -.10}, {-.30, .20, .15}, {.25, -.35, .05}},
		{{-.05, .15, .20}, {.30, -.10, .10}, {-.20, .25, -.15}, {.10, -.30, .20}},
		{{.20, .10, -.25}, {.15, -.20, .05}, {.05, .30, -.10}, {-.15, -.05, .35}},
	}
	base := Hyper{Beta1: .9, Beta2: .999, Eps: 1e-8, WeightDecay: .01, StopCondition: true, LRRatio: 16, Reg: .01, CorrectBias: true}
	set := func(hp Hyper, change func(*Hyper)) Hyper { change(&hp); return hp }
	rite := Hyper{Beta1: .9, Beta2: .999, Eps: 1e-6, ClipUnmagnified: 1, SkipUpdate: 1}
	for _, c := range []struct {
		name   string
		hp     Hyper
		lr     float64
		stop   int
		a3, b3 [][]float64
	}{
		{
			"adamw", base, .01, 0,
			[][]float64{{.3152842148, -.2157809102, .5157856948}, {-.4085147763, .1159007001, .2351692467}},
			[][]float64{{-.0220352239, -.0167530065}, {-.0288498419, .0285664450}, {.0281594018, -.0253611156}, {-.0298809265, .0170127527}},
		},
		{
			"lora_plus", base, .01, 0,
			[][]float64{{.3152831275, -.2157815335, .5157852541}, {-.4085181618, .1159011975, .2351685701}},
			[][]float64{{-.3518846491, -.2673646997}, {-.4608942025, .4563546201}, {.4498538335, -.4050844525}, {-.4773749074, .2715369555}},
		},
		{
			"stable_lora", set(base, func(hp *Hyper) { hp.ShrinkRatio = .05 }), .01, 0,
			[][]float64{{.2721341915, -.1868891029, .4441255608}, {-.3511022144, .1012721910, .1998947387}},
			[][]float64{{-.0221776496, -.0170461934}, {-.0289148266, .0283502414}, {.0282070672, -.0252732442}, {-.0298167848, .0173847094}},
		},
		{
			"stable_lora", set(base, func(hp *Hyper) { hp.ShrinkRatio = .2 }), .2, 3,
			[][]float64{{.4978203604, -.4434988410, .6367130225}, {-.4261664087, .3821115632, -.1358853366}},
			[][]float64{{-.4356263841, -.3882875664}, {-.5860289576, .5684106964}, {.5764627008, -.5281164385}, {-.5944572755, .4079666016}},
		},
		{
			"riemann", base, .01, 0,
			[][]float64{{.3153280070, -.2158960284, .5155390205}, {-.4086165019, .1159643178, .2351180837}},
			[][]float64{{-.0219576534, -.0174471029}, {-.0284983433, .0283556539}, {.0277909177, -.0248747896}, {-.0299360041, .0160381912}},
		},
		{
			"riemann", set(base, func(hp *Hyper) { hp.UpdatedFactors = true }), .01, 0,
			[][]float64{{.3153308983, -.2158936789, .5155426097}, {-.4086405957, .1159658221, .2351129444}},
			[][]float64{{-.0219815178, -.0173770684}, {-.0286138139, .0282229670}, {.0278941541, -.0245878695}, {-.0299495470, .0155653511}},
		},
		{
			"lora_rite", rite, .01, 0,
			[][]float64{{.3057613977, -.1404681794, 1.0182692521}, {-.6824755196, .4900509269, .1204155403}},
			[][]float64{{-.0501052820, -.0230855791}, {-.0111254128, .0597535229}, {.0143521113, -.0505465575}, {-.0483959658, .0166246592}},
		},
		{
			"lora_rite", set(rite, func(hp *Hyper) { hp.Escape = true }), .01, 0,
			[][]float64{{.3056821243, -.1405280550, 1.0183016808}, {-.6824952602, .4900193961, .1204364472}},
			[][]float64{{-.0501349753, -.0231136816}, {-.0111154217, .0597351469}, {.0143370324, -.0505442507}, {-.0483539806, .0166565667}},
		},
	} {
		p := pairOf("m", a0, b0)
		o := mustNew(t, c.name, []Pair{p}, c.hp)
		for _, g := range grads {
			lossGrads(p, g, 2)
			o.Step(c.lr)
		}
		if d := max(maxDiff(p.A.Value, c.a3), maxDiff(p.B.Value, c.b3)); d > 2e-6 {
			t.Errorf("%s lr %v %+v: differs by %.1e", c.name, c.lr, c.hp, d)
		}
		if s, ok := o.(*StableLoRA); ok && s.Status(0).StoppedAt != c.stop {
			t.Errorf("%+v: stopped at %d, want %d", c.hp, s.Status(0).StoppedAt, c.stop)
		}
	}
}

// goldenHyper are the settings as recorded files name them.
type goldenHyper struct {
	LR          float64
	Betas       [2]float64
	Eps         float64
	WeightDecay float64 `json:"weight_decay"`
	ShrinkRatio float64 `json:"shrink_ratio"`
	LRRatio     float64 `json:"lr_ratio"`
	Reg         float64
	Clip        *float64 `json:"clip_unmagnified_grad"` // nil: the default
	Skip        *float64 `json:"update_skipping"`
	Cap         float64  `json:"update_capping"`
	Escape      bool     `json:"apply_escape"`
	Balance     bool     `json:"balance_param"`
	Updated     bool     `json:"updated_factors"`
	CorrectBias *bool    `json:"correct_bias"`
}

func (h goldenHyper) hyper() Hyper {
	return Hyper{Beta1: h.Betas[0], Beta2: h.Betas[1], Eps: h.Eps, WeightDecay: h.WeightDecay,
		ShrinkRatio: h.ShrinkRatio, StopCondition: true, LRRatio: h.LRRatio, Reg: h.Reg, UpdatedFactors: h.Updated, CorrectBias: given(h.CorrectBias, true),
		ClipUnmagnified: given(h.Clip, 1), SkipUpdate: given(h.Skip, 1), CapUpdate: h.Cap, Escape: h.Escape, Balance: h.Balance}
}

func given[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

func TestSharedTinyVectors(t *testing.T) {
	var tiny struct {
		S      float64
		A0, B0 [][]float64
		G      [][][]float64
		Betas  [2]float64
		Eps    float64
		Cases  map[string]struct {
			Hyper goldenHyper                  `json:"hyperparameters"`
			After []struct{ A, B [][]float64 } `json:"after_step"`
		}
	}
	sharedJSON(t, "optim/tiny-float64.json", &tiny)
	for name, optimizer := range map[string]string{
		"adamw": "adamw", "stable_lora": "stable_lora", "stable_lora-stops-at-step-3": "stable_lora",
		"lora_plus": "lora_plus", "riemann": "riemann", "lora_rite": "lora_rite", "lora_rite-escape": "lora_rite",
	} {
		c := tiny.Cases[name]
		if len(c.After) != len(tiny.G) || len(tiny.G) == 0 {
			t.Fatalf("%s: %d steps, %d gradients", name, len(c.After), len(tiny.G))
		}
		p := pairOf("m", tiny.A0, tiny.B0)
		h := c.Hyper
		h.Betas = tiny.Betas
		if h.Eps == 0 {
			h.Eps = tiny.Eps
		}
		o := mustNew(t, optimizer, []Pair{p}, h.hyper())
		for k, g := range tiny.G {
			lossGrads(p, g, tiny.S)
			o.Step(c.Hyper.LR)
			if d := max(maxDiff(p.A.Value, c.After[k].A), maxDiff(p.B.Value, c.After[k].B)); d > 2e-6 {
				t.Errorf("%s step %d: differs by %.1e", name, k+1, d)
			}
		}
	}
}

// Three pairs, 14 steps, among them an exploding and a vanishing gradient. The
// tolerance is the one stated for float32 implementations.
func TestSharedOptimizerTraces(t *testing.T) {
	for _, name := range []string{"adamw", "adamw-eps", "stable_lora", "stable_lora-zero", "lora_plus", "riemann", "riemann-small-reg",
		"lora_rite", "lora_rite-balance", "lora_rite-cap-noclip", "lora_rite-decay", "lora_rite-escape"} {
		t.Run(name, func(t *testing.T) {
			var c struct {
				goldenHyper
				Optimizer string
				Steps     int
				S         float64  `json:"scale_s"`
				Keep      [][]bool `json:"keep_after_step"`
			}
			sharedJSON(t, "optim/"+name+".json", &c)
			ts := sharedTensors(t, "optim/"+name+".safetensors")
			var pairs []Pair
			for k := range 3 {
				p := fmt.Sprintf("pair%d", k)
				pairs = append(pairs, pairOf(p, ts[p+".A0"][0], ts[p+".B0"][0]))
			}
			o := mustNew(t, c.Optimizer, pairs, c.hyper())
			var worst float64
			for step := range c.Steps {
				for _, p := range pairs {
					lossGrads(p, ts[p.Name+".G"][step], c.S)
				}
				o.Step(c.LR)
				for k, p := range pairs {
					worst = max(worst, maxDiff(p.A.Value, ts[p.Name+".A"][step]), maxDiff(p.B.Value, ts[p.Name+".B"][step]))
					if s, ok := o.(*StableLoRA); ok && s.Status(k).Shrinking != c.Keep[step][k] {
						t.Errorf("step %d %s: shrinking %v, want %v", step+1, p.Name, s.Status(k).Shrinking, c.Keep[step][k])
					}
				}
			}
			t.Logf("%d steps, largest difference %.1e", c.Steps, worst)
			if c.Steps == 0 || worst > 2e-5 {
				t.Errorf("differs by %.1e over %d steps", worst, c.Steps)
			}
		})
	}
}

// The learning rates of whole training runs with warm-up.
func TestSharedSchedules(t *testing.T) {
	for _, name := range []string{"adamw-llama-untied", "adamw-qwen2-tiny", "stable_lora-latch-llama3-tiny"} {
		var c struct {
			Hyper    struct{ LR float64 } `json:"hyperparameters"`
			Schedule struct {
				Kind   string
				Total  int `json:"total_steps"`
				Warmup int `json:"warmup_steps"`
			}
		}
		sharedJSON(t, "traces/"+name+".json", &c)
		s, err := NewSchedule(c.Schedule.Kind, c.Hyper.LR, c.Schedule.Total, c.Schedule.Warmup, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		lrs := sharedTensors(t, "traces/"+name+".safetensors")["lr"][0][0]
		for k, want := range lrs {
			if got := s.LR(k); math.Abs(got-want) > 1e-15*c.Hyper.LR {
				t.Errorf("%s: LR(%d) = %v, want %v", name, k, got, want)
			}
		}
	}
}
