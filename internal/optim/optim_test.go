package optim

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var hyper = Hyper{Beta1: .9, Beta2: .999, Eps: 1e-8, WeightDecay: .1, ShrinkRatio: .05, StopCondition: true,
	LRRatio: 4, Reg: .01, CorrectBias: true, ClipUnmagnified: 1, SkipUpdate: 1}

func with(change func(*Hyper)) Hyper {
	hp := hyper
	change(&hp)
	return hp
}

// run does steps from..to-1 with gradients that depend on the step alone.
func run(o Optimizer, pairs []Pair, from, to int) {
	for k := from; k < to; k++ {
		randomGrads(pairs, uint64(k))
		o.Step(0.02)
	}
}

// λ = 0 and a ratio of 1 are AdamW to the bit.
func TestSpecialCasesAreAdamW(t *testing.T) {
	pa := randomPairs(1)
	a := mustNew(t, "adamw", pa, hyper)
	run(a, pa, 0, 20)
	for name, hp := range map[string]Hyper{
		"stable_lora": with(func(hp *Hyper) { hp.ShrinkRatio = 0 }),
		"lora_plus":   with(func(hp *Hyper) { hp.LRRatio = 1 }),
	} {
		p := randomPairs(1)
		o := mustNew(t, name, p, hp)
		run(o, p, 0, 20)
		if bits(a, pa) != bits(o, p) {
			t.Errorf("%s: bits differ", name)
		}
	}
}

func TestShrinkLeavesMomentsAlone(t *testing.T) {
	pa, ps := randomPairs(1), randomPairs(1)
	a, s := mustNew(t, "adamw", pa, hyper), mustNew(t, "stable_lora", ps, hyper)
	run(a, pa, 0, 5)
	run(s, ps, 0, 5)
	if bits(a, pa) == bits(s, ps) {
		t.Fatal("nothing was shrunk")
	}
	if bits(a, nil) != bits(s, nil) {
		t.Error("moments differ")
	}
}

// The test compares A before the shrink with B before the update, strictly, and
// the shrink does not depend on the learning rate.
func TestStopCondition(t *testing.T) {
	for _, c := range []struct {
		name     string
		a, b     [][]float64
		hp       Hyper
		lr       float64
		shrinks  bool
		wantA    float64
		wantStop int
	}{
		{"A unshrunk: 1 against .97, shrunk .95", [][]float64{{1}}, [][]float64{{.97}}, hyper, 0, true, .95, 0},
		{"B not updated: 1 against .97, updated 1.07", [][]float64{{1}}, [][]float64{{.97}}, with(func(hp *Hyper) { hp.WeightDecay = 0 }), .1, true, 1.05, 0},
		{"strict", [][]float64{{1}}, [][]float64{{1}}, hyper, 0, true, .95, 0},
		{"stops", [][]float64{{1}}, [][]float64{{1.01}}, hyper, 0, false, 1, 1},
		{"wide layer, n/m = 4", [][]float64{{1, 1, 1, 1}}, [][]float64{{.6}}, hyper, 0, false, 1, 1},
		{"tall layer, n/m = 1/4", [][]float64{{1}}, [][]float64{{1}, {1}, {1}, {1}}, hyper, 0, true, .95, 0},
		{"B = 0", [][]float64{{1}}, [][]float64{{0}}, hyper, 0, true, .95, 0},
		{"A = B = 0", [][]float64{{0}}, [][]float64{{0}}, hyper, 0, true, 0, 0},
		{"off", [][]float64{{1}}, [][]float64{{9}}, with(func(hp *Hyper) { hp.StopCondition = false }), 0, true, .95, 0},
	} {
		p := pairOf("m", c.a, c.b)
		p.A.Grad.Data[0] = -1
		p.B.Grad.Data[0] = -1
		o := mustNew(t, "stable_lora", []Pair{p}, c.hp).(*StableLoRA)
		normA, normB := FrobeniusNorm(p.A.Value), FrobeniusNorm(p.B.Value)
		o.Step(c.lr)
		want := Status{NormA: normA, NormB: normB, Shrinking: c.shrinks, StoppedAt: c.wantStop, Factor: 1}
		if c.shrinks {
			want.Factor = 1 - c.hp.ShrinkRatio
		}
		if diff := cmp.Diff(want, o.Status(0)); diff != "" {
			t.Errorf("%s: status (-want +got):\n%s", c.name, diff)
		}
		if d := math.Abs(float64(p.A.Value.Data[0]) - c.wantA); d > 1e-7 {
			t.Errorf("%s: A is %v, want %v", c.name, p.A.Value.Data[0], c.wantA)
		}
	}
}

func TestStopConditionEveryThirdStep(t *testing.T) {
	pairs := []Pair{pairOf("m", [][]float64{{1}}, [][]float64{{2}})}
	o := mustNew(t, "stable_lora", pairs, with(func(hp *Hyper) { hp.TestEvery = 3 })).(*StableLoRA)
	for step := 1; step <= 4; step++ {
		o.Step(0)
		if s := o.Status(0); s.Shrinking != (step < 3) || math.Abs(s.Factor-math.Pow(.95, float64(min(step, 2)))) > 1e-15 {
			t.Errorf("step %d: %+v", step, s)
		}
	}
	if at := o.Status(0).StoppedAt; at != 3 {
		t.Errorf("stopped at step %d, want 3", at)
	}
}

func TestLatchIsOneWayAndPerModule(t *testing.T) {
	pairs := []Pair{pairOf("stops", [][]float64{{1}}, [][]float64{{2}}), pairOf("goes on", [][]float64{{1}}, [][]float64{{.1}})}
	o := mustNew(t, "stable_lora", pairs, hyper).(*StableLoRA)
	o.Step(0)
	pairs[0].B.Value.Zero() // now the test would not fire any more
	o.Step(0)
	if s := o.Status(0); s.Shrinking || s.StoppedAt != 1 || s.Factor != 1 {
		t.Errorf("a stopped pair shrinks again: %+v", s)
	}
	if s := o.Status(1); !s.Shrinking || s.StoppedAt != 0 || math.Abs(s.Factor-.95*.95) > 1e-15 {
		t.Errorf("a pair is stopped by another's test: %+v", s)
	}
}

func TestRestoredRunIsTheUninterruptedOne(t *testing.T) {
	hyper := with(func(hp *Hyper) { hp.Escape, hp.SkipUpdate = true, 0 })
	for _, name := range Names() {
		const steps = 60
		whole := randomPairs(3)
		o := mustNew(t, name, whole, hyper)
		run(o, whole, 0, steps)
		stops := map[int]bool{}
		for _, at := range o.State().StoppedAt {
			stops[at] = true
		}
		if name == "stable_lora" && len(stops) < 2 {
			t.Fatalf("want latches at different steps, got %v", o.State().StoppedAt)
		}
		for cut := 0; cut < steps; cut += 7 {
			first, second := randomPairs(3), randomPairs(3)
			before := mustNew(t, name, first, hyper)
			run(before, first, 0, cut)

			saved, err := json.Marshal(before.State())
			if err != nil {
				t.Fatal(err)
			}
			var state State
			if err := json.Unmarshal(saved, &state); err != nil {
				t.Fatal(err)
			}
			after := mustNew(t, name, second, hyper)
			for i, nt := range after.Tensors() {
				from := before.Tensors()[i]
				if from.Name != nt.Name {
					t.Fatalf("tensor %d is %s, then %s", i, from.Name, nt.Name)
				}
				nt.Value.CopyFrom(from.Value)
			}
			for i := range second {
				second[i].A.Value.CopyFrom(first[i].A.Value)
				second[i].B.Value.CopyFrom(first[i].B.Value)
			}
			if err := after.Restore(state); err != nil {
				t.Fatal(err)
			}
			run(after, second, cut, steps)
			if bits(after, second) != bits(o, whole) {
				t.Errorf("%s: bits differ after a restart at step %d", name, cut)
			}
			if diff := cmp.Diff(o.State(), after.State()); diff != "" {
				t.Errorf("%s: state differs after a restart at step %d:\n%s", name, cut, diff)
			}
			if a, ok := after.(*StableLoRA); ok {
				for i := range whole {
					if diff := cmp.Diff(o.(*StableLoRA).Status(i), a.Status(i)); diff != "" {
						t.Errorf("status of pair %d differs after a restart at step %d:\n%s", i, cut, diff)
					}
				}
			}
		}
	}
}

func TestRestoreRefusesForeignStates(t *testing.T) {
	stopped := func(a, b, c int) map[string]int { return map[string]int{"layers.0": a, "layers.1": b, "layers.2": c} }
	for _, c := range []struct {
		optimizer string
		state     State
		want      string
	}{
		{"adamw", State{Optimizer: "stable_lora"}, `optimizer "stable_lora"`},
		{"adamw", State{Optimizer: "adamw", Step: -1}, "step is -1"},
		{"stable_lora", State{Optimizer: "adamw", StoppedAt: stopped(0, 0, 0)}, `optimizer "adamw"`},
		{"stable_lora", State{Optimizer: "stable_lora", Step: 3}, "has 0 modules, the run 3"},
		{"stable_lora", State{Optimizer: "stable_lora", Step: 3, StoppedAt: map[string]int{"layers.0": 0, "layers.1": 0, "x": 0}}, "lacks module layers.2"},
		{"stable_lora", State{Optimizer: "stable_lora", Step: 3, StoppedAt: stopped(0, 4, 0)}, "layers.1 is 4"},
		{"stable_lora", State{Optimizer: "stable_lora", Step: 3, StoppedAt: stopped(0, 0, -1)}, "layers.2 is -1"},
	} {
		o := mustNew(t, c.optimizer, randomPairs(1), hyper)
		before := o.State()
		err := o.Restore(c.state)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s restored %+v: %v, want %q", c.optimizer, c.state, err, c.want)
		}
		if diff := cmp.Diff(before, o.State()); diff != "" {
			t.Errorf("a refused state changed the optimizer:\n%s", diff)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		hp   Hyper
		want string
	}{
		{"sgd", hyper, `"sgd" is not one of stable_lora, adamw, lora_plus, riemann, lora_rite`},
		{"adamw", with(func(hp *Hyper) { hp.Beta1 = 1 }), "optimizer.betas[0] is 1"},
		{"adamw", with(func(hp *Hyper) { hp.Beta2 = math.NaN() }), "optimizer.betas[1] is NaN"},
		{"adamw", with(func(hp *Hyper) { hp.Eps = -1 }), "optimizer.eps is -1"},
		{"adamw", with(func(hp *Hyper) { hp.WeightDecay = math.Inf(1) }), "optimizer.weight_decay is +Inf"},
		{"stable_lora", with(func(hp *Hyper) { hp.ShrinkRatio = 1 }), "optimizer.shrink_ratio is 1"},
		{"stable_lora", with(func(hp *Hyper) { hp.ShrinkRatio = -.1 }), "optimizer.shrink_ratio is -0.1"},
		{"lora_plus", with(func(hp *Hyper) { hp.LRRatio = 0 }), "optimizer.lr_ratio is 0"},
		{"riemann", with(func(hp *Hyper) { hp.Reg = -1 }), "optimizer.reg is -1"},
		{"lora_rite", with(func(hp *Hyper) { hp.ClipUnmagnified = math.NaN() }), "optimizer.clip_unmagnified_grad is NaN"},
		{"lora_rite", with(func(hp *Hyper) { hp.SkipUpdate = -1 }), "optimizer.update_skipping is -1"},
		{"lora_rite", with(func(hp *Hyper) { hp.CapUpdate = math.Inf(1) }), "optimizer.update_capping is +Inf"},
	} {
		if _, err := New(c.name, randomPairs(1), c.hp); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%s, %+v) = %v, want %q", c.name, c.hp, err, c.want)
		}
	}
}

func TestClipGlobalNorm(t *testing.T) {
	for _, c := range []struct {
		name          string
		gA, gB        float64
		max           float64
		norm, a, bRes float64
	}{
		{"clipped", 3, 4, 1, 5, .6, .8},
		{"below", 3, 4, 6, 5, 3, 4},
		{"the 1e-6 counts", 3e-6, 4e-6, 1e-6, 5e-6, .5e-6, 4e-6 / 6},
		{"off", 3, 4, 0, 5, 3, 4},
		{"zero", 0, 0, 1, 0, 0, 0},
		{"infinite is left alone", math.Inf(1), 4, 1, math.Inf(1), math.Inf(1), 4},
		{"huge but finite", 3e38, 0, 1, 3e38, 1, 0},
	} {
		p := pairOf("m", [][]float64{{0}}, [][]float64{{0}})
		set(p.A.Grad, [][]float64{{c.gA}})
		set(p.B.Grad, [][]float64{{c.gB}})
		norm := ClipGlobalNorm([]Pair{p}, c.max)
		for what, v := range map[string][2]float64{
			"norm": {norm, c.norm}, "A": {float64(p.A.Grad.Data[0]), c.a}, "B": {float64(p.B.Grad.Data[0]), c.bRes},
		} {
			if v[0] != v[1] && !(math.Abs(v[0]-v[1]) <= 1e-6*math.Abs(v[1])) {
				t.Errorf("%s: %s is %v, want %v", c.name, what, v[0], v[1])
			}
		}
	}
	p := pairOf("m", [][]float64{{0}}, [][]float64{{0}})
	p.B.Grad.Data[0] = float32(math.NaN())
	if norm := ClipGlobalNorm([]Pair{p}, 1); !math.IsNaN(norm) {
		t.Errorf("norm of a NaN gradient is %v", norm)
	}
}

func TestScheduleMinimumAndRatio(t *testing.T) {
	for _, c := range []struct {
		kind         string
		total, steps int
		ratio, min   float64
		warmup       int
		lr           []float64
	}{
		{"linear", 6, 2, 0, .1, 2, []float64{0, .5, 1, .775, .55, .325, .1}},
		{"cosine", 4, 0, 0, .2, 0, []float64{1, .2 + .8*(2+math.Sqrt2)/4, .6, .2 + .8*(2-math.Sqrt2)/4, .2}},
		{"constant", 4, 0, .3, .1, 2, []float64{0, .5, 1, 1, 1}},
		{"linear", 10, 0, .3, 0, 3, []float64{0, 1. / 3, 2. / 3, 1, 6. / 7}},
		{"linear", 10, 0, .31, 1, 4, []float64{0, .25, .5, .75, 1, 1, 1}},
		{"linear", 10, 1, .9, 0, 1, []float64{0, 1}}, // steps win over the ratio
	} {
		s, err := NewSchedule(c.kind, 1, c.total, c.steps, c.ratio, c.min)
		if err != nil {
			t.Fatal(err)
		}
		if s.WarmupSteps() != c.warmup {
			t.Errorf("%s ratio %v: %d warm-up steps, want %d", c.kind, c.ratio, s.WarmupSteps(), c.warmup)
		}
		for k, want := range c.lr {
			if got := s.LR(k); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s %+v: LR(%d) = %v, want %v", c.kind, s, k, got, want)
			}
		}
	}
	if _, err := NewSchedule("step", 1, 1, 0, 0, 0); err == nil || !strings.Contains(err.Error(), `"step" is not one of`) {
		t.Errorf("unknown schedule: %v", err)
	}
}
