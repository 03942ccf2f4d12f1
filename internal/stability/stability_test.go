package stability

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/tensor"
)

// firstAlarm is the step, from 1, at which the losses are taken for diverging,
// 0 if they are not.
func firstAlarm(batchSize, steps int, loss func(k int) float64) int {
	var l losses
	for k := range steps {
		if _, alarm := l.add(loss(k), opening(batchSize)); alarm {
			return k + 1
		}
	}
	return 0
}

func TestLosses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	// Single examples of two tasks, one far harder, learnt slowly.
	mixed := func(k int) float64 {
		level := 0.3 + 0.7*math.Exp(-float64(k)/2000)
		if r.IntN(3) == 0 {
			return level * (2.5 + 2*r.Float64())
		}
		return level * (0.1 + 0.7*r.Float64())
	}
	noisy := func(mean float64) float64 { return mean * (1 + 0.1*r.NormFloat64()) }
	for _, c := range []struct {
		name       string
		batch      int
		loss       func(k int) float64
		from, till int // of the alarm; 0: none
	}{
		{"single examples of two tasks", 1, mixed, 0, 0},
		{"constant", 16, func(int) float64 { return 1.5 }, 0, 0},
		{"a blip", 16, func(k int) float64 { return noisy(map[bool]float64{true: 1.6, false: 1.2}[k/10 == 9]) }, 0, 0},
		{"learnt, then a part unlearnt", 16, func(k int) float64 { return noisy([]float64{3, 2, 2.3}[min(2, k/40)]) }, 0, 0},
		{"gone in the second step", 16, func(k int) float64 { return noisy(map[bool]float64{true: 1.2, false: 8}[k == 0]) }, 17, 17},
		{"gone in the second step, single examples", 1, func(k int) float64 { return noisy(map[bool]float64{true: 1.2, false: 8}[k < 4]) }, 20, 20},
		{"learnt, then gone", 16, func(k int) float64 { return noisy(map[bool]float64{true: 1, false: 7}[k < 100]) }, 108, 117},
	} {
		got := firstAlarm(c.batch, 20000, c.loss)
		if got < c.from || got > c.till {
			t.Errorf("%s: alarm in step %d, want %d to %d", c.name, got, c.from, c.till)
		}
	}
}

// pair is a module of n inputs and m outputs.
func pair(name string, n, m int) optim.Pair {
	return optim.Pair{Name: name, A: tensor.NewParam(name+".A", 1, n), B: tensor.NewParam(name+".B", m, 1)}
}

// Where norms follow the course, fit finds it again and the forecast is exact.
func TestForecast(t *testing.T) {
	s, err := optim.NewSchedule("linear", 0.01, 300, 10, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	const lambda, g, h, k = 0.004, 3, 2, 40
	p := pair("m", 8, 4)
	a, b, stop := 4.0, 0.25, 0 // squares
	var atA, atB float64
	for i := range 300 {
		if i == k {
			atA, atB = math.Sqrt(a), math.Sqrt(b)
		}
		if stop == 0 && math.Sqrt(a)*4/8 < math.Sqrt(b) {
			stop = i + 1
		}
		a, b = a*(1-lambda)*(1-lambda)+g*s.LR(i), b+h*s.LR(i)
	}
	c := fit(p, 2, 0.5, atA, atB, k, s, lambda)
	if math.Abs(c.g-g) > 1e-9 || math.Abs(c.h-h) > 1e-9 {
		t.Errorf("g %v, h %v, want %v and %v", c.g, c.h, g, h)
	}
	if got, _ := c.follow(lambda, 1, s, 300); got != stop || stop < k {
		t.Errorf("stops in step %d, want %d", got, stop)
	}
	if got, left := c.follow(lambda, 1, s, stop-1); got != 0 || left > 1 || left < 0.9 {
		t.Errorf("before it: stop %d, ratio %v", got, left)
	}
	if got, left := c.follow(0, 0.01, s, 300); got != 0 || left < 1 {
		t.Errorf("without shrinking and hardly a step: stop %d, ratio %v", got, left)
	}
	cs := courses{open: []course{c}, stopped: 2}
	if cs.end(lambda, 1, s, 300) != 0 || cs.stop(lambda, s, 300) != 0 {
		t.Error("two of three modules have stopped")
	}
}

func term(x float64) *float64 { return &x }

// While B is 0, so is δ2: such rows give no ratio.
func TestTermRatios(t *testing.T) {
	var y Memory
	for step, d := range [][2][2]float64{{{3, 0}, {4, 0}}, {{8, 2}, {4, 0}}, {{6, 3}, {1, 1}}} {
		y.remember([]metrics.StabilityRow{
			{Step: step + 1, NormA: 2, Delta1: term(d[0][0]), Delta2: term(d[0][1]), Delta3: term(0)},
			{Step: step + 1, NormA: 1, Delta1: term(d[1][0]), Delta2: term(d[1][1]), Delta3: term(0)},
		})
		y.remember([]metrics.StabilityRow{{Step: step + 1}, {Step: step + 1}})
	}
	if y.First == nil || *y.First != (TermRatio{2, 4}) || *y.Last != (TermRatio{3, 1.5}) {
		t.Errorf("first %v, last %v", y.First, y.Last)
	}
	if y.NormA[0] != 2 || y.NormA[1] != 1 {
		t.Errorf("norms before the first step: %v", y.NormA)
	}
}

// run takes steps with gradients of 1.
func run(t *testing.T, method string, hp optim.Hyper, steps, every int) *Monitor {
	t.Helper()
	pairs := []optim.Pair{pair("q", 4, 4), pair("v", 4, 2)}
	for _, p := range pairs {
		for i := range p.A.Value.Data {
			p.A.Value.Data[i] = 0.5
		}
	}
	hp.Beta1, hp.Beta2, hp.Eps = 0.9, 0.999, 1e-8
	o, err := optim.New(method, pairs, hp)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := optim.NewSchedule("constant", 0.1, steps, 0, 0, 0)
	m := New(Run{Every: every, Pairs: pairs, Optimizer: o, Hyper: hp, Schedule: s, Total: steps, BatchSize: 8})
	for k := range steps {
		for _, p := range pairs {
			for i := range p.B.Grad.Data {
				p.B.Grad.Data[i] = 1
			}
		}
		m.Before(k)
		o.Step(s.LR(k))
		rows := m.After(k)
		if rows[0].Step != k+1 || rows[0].NormA <= 0 {
			t.Fatalf("%+v", rows[0])
		}
	}
	return m
}

func TestOutcome(t *testing.T) {
	shrink := optim.Hyper{ShrinkRatio: 0.1, StopCondition: true}
	endless := optim.Hyper{ShrinkRatio: 0.1}
	for _, c := range []struct {
		method string
		hp     optim.Hyper
		steps  int
		want   string
	}{
		// ‖A‖ is 1, ‖B‖ grows by 0.2 a step in q, whose ratio is 1, and by 0.14 in v, whose ratio is 2.
		{"stable_lora", shrink, 8, "shrinking stopped between steps 4 and 5 (median 4) in all 2 modules; it alone left 0.656 to 0.729 of A; " +
			"the median module's ‖A‖ went from 1 to 0.693, its ‖B‖ from 0 to 1.37; δ1/δ2 was not measured: log.every is above the number of steps"},
		{"stable_lora", shrink, 2, "shrinking went on to the end in all 2 modules, where ‖A‖/n is still 1.43 to 2.02 times ‖B‖/m; it alone left 0.81 of A; "},
		{"stable_lora", endless, 8, "shrinking went on to the end in all 2 modules, as stop_condition: false asks for; it alone left 0.43 of A; "},
		{"stable_lora", optim.Hyper{StopCondition: true}, 2, "the median module's ‖A‖ went from 1 to 1, its ‖B‖ from 0 to 0.341; "},
		{"adamw", optim.Hyper{}, 2, "the median module's ‖A‖ went from 1 to 1, its ‖B‖ from 0 to 0.341; "},
	} {
		m := run(t, c.method, c.hp, c.steps, 1000)
		if got := m.Outcome().Text; !strings.HasPrefix(got, c.want) {
			t.Errorf("%s, %d steps:\n%s, want\n%s", c.method, c.steps, got, c.want)
		}
		again := New(m.run)
		if err := again.Restore(m.Memory()); err != nil || again.Outcome().Text != m.Outcome().Text {
			t.Errorf("restored: %v, %s", err, again.Outcome().Text)
		}
	}
	m := run(t, "adamw", optim.Hyper{}, 2, 1000)
	for _, damaged := range []Memory{{}, {NormA: []float64{1, 1}, NormB: []float64{1, 1}, Loss: losses{Steps: 30}}} {
		if m.Restore(damaged) == nil {
			t.Errorf("%+v is taken back", damaged)
		}
	}
}

// Records that are not shuffled may become harder on their own.
func TestUnshuffledDivergence(t *testing.T) {
	for _, shuffled := range []bool{true, false} {
		m := run(t, "adamw", optim.Hyper{}, 1, 1000)
		m.run.Shuffled = shuffled
		said := 0
		for k := range 100 {
			said += len(m.Warnings(metrics.StepRow{Step: k + 1, Loss: 1 + float64(min(k, 1)*7)}))
		}
		if want := map[bool]int{true: 1, false: 0}[shuffled]; said != want {
			t.Errorf("shuffled %v: %d warnings", shuffled, said)
		}
	}
}

func TestRoundUp(t *testing.T) {
	for x, want := range map[float64]float64{0.00051: 0.001, 0.0021: 0.005, 0.06: 0.1, 1.5: 2} {
		if got := roundUp(x); math.Abs(got/want-1) > 1e-12 {
			t.Errorf("%v: %v", x, got)
		}
	}
}
