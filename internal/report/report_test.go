package report

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/runfolder"
)

// sample is a run of n steps with two kinds of modules in two layers; B grows
// until shrinking stops at step 4 of layer 0 and 6 of layer 1.
func sample(dir, method, rate, seed string, n int) *runfolder.Run {
	r := &runfolder.Run{Dir: dir, Summary: &runfolder.Summary{Steps: n},
		Settings: []runfolder.Setting{{Key: "model.path", Value: "models/m"}, {Key: keyMethod, Value: method}, {Key: keyRate, Value: rate},
			{Key: keySeed, Value: seed}, {Key: "output.dir", Value: dir}, {Key: "train.max_grad_norm", Value: "1"}}}
	for i := range n {
		step := float64(i + 1)
		r.Steps.Step, r.Steps.Epoch = append(r.Steps.Step, step), append(r.Steps.Epoch, step/10)
		r.Steps.Loss, r.Steps.LearningRate = append(r.Steps.Loss, 3/step), append(r.Steps.LearningRate, 0.001/step)
		r.Steps.GradNorm, r.Steps.Elapsed = append(r.Steps.GradNorm, min(2, step/2)), append(r.Steps.Elapsed, step)
	}
	loss := 0.75
	r.Evaluations = []runfolder.Evaluation{{Step: float64(n), Loss: &loss, Tasks: map[string]map[string]float64{"arc": {"acc,none": 0.5}}}}
	for layer := range 2 {
		for k, name := range []string{"q_proj", "v_proj"} {
			m := &runfolder.Module{Name: fmt.Sprintf("model.layers.%d.self_attn.%s", layer, name), In: 8, Out: 8 / (k + 1)}
			for i := range n {
				m.Step, m.NormA, m.NormB = append(m.Step, float64(i+1)), append(m.NormA, 1.5), append(m.NormB, float64(i))
				m.Shrinking = append(m.Shrinking, i < 3+2*layer)
			}
			m.DeltaStep = []float64{2, 4}
			m.Delta = [3][]float64{{60, 2}, {1, 2}, {0, 1e-6}}
			r.Modules = append(r.Modules, m)
		}
	}
	base, adapted, p := 0.25, 0.75, 0.001
	r.Tasks = []runfolder.Task{{Name: "arc", N: 20, Metrics: []runfolder.Metric{{Key: "acc,none", Base: &base, Adapted: &adapted,
		Difference: &runfolder.Difference{Value: 0.5, PValue: &p}}}}}
	return r
}

func html(t *testing.T, runs ...*runfolder.Run) string {
	t.Helper()
	p, err := Page(runs, Options{Version: "v1", Waiting: 2})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Page(runs, Options{Version: "v1", Waiting: 2})
	if err != nil || !bytes.Equal(p, again) {
		t.Error("a second page differs")
	}
	return string(p)
}

func contains(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("the page lacks %q", w)
		}
	}
}

func TestPageOfOneRun(t *testing.T) {
	p := html(t, sample("runs/first", "stable_lora", "1.0e-03", "1", 8))
	contains(t, p, "<title>Run first</title>", "A LoRA adapter of m, trained with stable_lora for 8 steps; the training loss ended at 0.375.",
		"The training loss fell from 3 to 0.375 in 8 steps", "held-out loss", "The learning rate was at its highest, 0.001, in step 1",
		"The gradient norm was 2 in a typical step, 2 at most", "clipped above 1", "Shrinking stopped between steps 4 and 6 in all 4 modules",
		"‖B‖ rose from 0 to 7 in q_proj", "At the end δ1 is 2, δ2 2 and δ3 1e-6 in the middle module", "arc acc,none went from 25.0 % to 75.0 % of 20 documents",
		"+50.0, p = 0.001", "q_proj, by layer", "Runs of the sweep that have not begun, or left no steps, and are not shown: 2.", "prefers-color-scheme: dark", `content="default-src 'none'; style-src 'unsafe-inline'"`)
	for _, never := range []string{"http://", "https://", "<script", "src=", "@import", "NaN", "ZgotmplZ"} {
		if strings.Contains(p, never) {
			t.Errorf("the page holds %q", never)
		}
	}
}

func TestPageOfSeveralRuns(t *testing.T) {
	var runs []*runfolder.Run
	for _, method := range []string{"stable_lora", "adamw"} {
		for _, rate := range []string{"0.01", "0.001"} {
			for _, seed := range []string{"1", "2", "3"} {
				runs = append(runs, sample("grid/"+method+rate+seed, method, rate, seed, 8))
			}
		}
	}
	runs[4].Summary = nil
	contains(t, html(t, runs...), "Comparison of 12 runs of 4 configurations", "stable_lora, lr 0.001, seed 2 is not finished, 8 steps done: still going, stopped or diverged.",
		`<th scope="row">adamw, lr 0.01</th><td>3</td><td>0.375 (0.375 to 0.375)</td><td>0.75 (0.75 to 0.75)</td><td>75.0 % (75.0 % to 75.0 %)</td>`,
		"Held-out loss by learning rate", "Single layers are shown of up to 8 runs at a time", "δ1/δ2 in the middle module of each run")
}

// Names from files stay text, wherever they appear.
func TestPageEscapes(t *testing.T) {
	evil := `</style></svg><script>alert(1)</script>"'<b>` + "\x00"
	r := sample("runs/"+evil, evil, "1e-3", evil, 8)
	r.Settings = append(r.Settings, runfolder.Setting{Key: evil, Value: evil})
	r.Modules[0].Name = evil + "." + evil
	r.Tasks[0].Name, r.Tasks[0].Metrics[0].Key = evil, evil
	other := sample("x", "adamw", "1e-2", "1", 8)
	for _, p := range []string{html(t, r), html(t, r, other)} {
		if strings.Contains(p, "<script") || strings.Contains(p, "<b>\"") || strings.Count(p, "</style>") != 1 {
			t.Error("a name became markup")
		}
	}
}

func TestLabels(t *testing.T) {
	labels := func(runs ...*runfolder.Run) (all []string) {
		for _, r := range newView(runs).runs {
			all = append(all, r.label)
		}
		return all
	}
	a, b, c := sample("g/a", "adamw", "1.0e-03", "1", 2), sample("g/b", "adamw", "0.01", "1", 2), sample("h/b", "adamw", "0.01", "1", 2)
	rite := sample("i", "lora_rite", "0.01", "1", 2)
	for _, r := range []*runfolder.Run{a, b, c} {
		r.Settings = append(r.Settings, runfolder.Setting{Key: "optimizer.eps", Value: "1e-8"})
	}
	rite.Settings = append(rite.Settings, runfolder.Setting{Key: "optimizer.eps", Value: "1e-6"})
	for _, x := range []struct {
		got, want []string
	}{
		{labels(a, b, rite), []string{"adamw, lr 0.001", "adamw, lr 0.01", "lora_rite, lr 0.01"}},
		{labels(a), []string{"a"}},
		{labels(a, b), []string{"lr 0.001", "lr 0.01"}},
		{labels(a, b, c), []string{"g/a", "g/b", "h/b"}},
		{labels(sample("y", "adamw", "1.0e-03", "1", 2), sample("x", "adamw", "0.01", "1", 2), sample("z", "riemann", "0.1", "2", 2)), []string{"adamw, lr 0.001, seed 1", "adamw, lr 0.01, seed 1", "riemann, lr 0.1, seed 2"}},
	} {
		if diff := cmp.Diff(x.want, x.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func near(t *testing.T, what string, got, want interval) {
	t.Helper()
	for _, d := range []float64{got.value - want.value, got.low - want.low, got.high - want.high} {
		if math.Abs(d) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
}

// The intervals are scipy 1.x's binomtest(...).proportion_ci("wilson") and
// t.interval.
func TestIntervals(t *testing.T) {
	near(t, "8 of 10", wilson(0.8, 10), interval{0.8, 0.4901624715366418, 0.9433178485456248})
	near(t, "10 of 10", wilson(1, 10), interval{1, 0.7224672001371109, 1})
	near(t, "1, 2, 3", overSeeds([]float64{1, 2, 3}), interval{2, -0.48413771175033027, 4.48413771175033})
	near(t, "two", seedInterval([]float64{3, 1}), interval{2, 1, 3})
	if w, s := wilson(5, 10), overSeeds([]float64{1}); !math.IsNaN(w.low) || !math.IsNaN(s.high) {
		t.Errorf("%v and %v have bounds", w, s)
	}
}

func TestSmoothAndSpread(t *testing.T) {
	if diff := cmp.Diff([]float64{4, 2, 8.0 / 7}, smooth([]float64{4, 1, 0.5}, 3), cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })); diff != "" {
		t.Error(diff)
	}
	modules := []*runfolder.Module{{Step: []float64{1, 2}, NormA: []float64{1, 5}}, {Step: []float64{2}, NormA: []float64{3}}, {Step: []float64{2}, NormA: []float64{math.NaN()}}}
	got := spreadOf(modules, allSteps, normA)
	if diff := cmp.Diff([][]float64{{1, 2}, {1, 3}, {1, 4}, {1, 5}}, [][]float64{got.step, got.low, got.median, got.high}); diff != "" {
		t.Error(diff)
	}
}

// Whatever the files hold, reading them is an error or there is a page.
func FuzzPage(f *testing.F) {
	f.Add(`{"step":1,"loss":1e308,"learning_rate":0,"grad_norm":-1}`+"\n"+`{"step":1099511627776,"loss":-1e308,"learning_rate":1e-320,"grad_norm":0}`,
		`{"step":0,"module":"a.0.b","norm_a":0,"norm_b":1e308,"shrinking":true,"delta1":1,"delta2":0,"delta3":1}`, `{"tasks":{"t":{"n":-1,"base":{"acc":7}}}}`, "a: [1, {b: 2}]")
	f.Add("", `{"step":5,"module":".","norm_a":1e-320,"norm_b":1}`, `{}`, "train: {epochs: 99999999999}")
	f.Add(`{"step":3,"eval_loss":0}`, "", `{"tasks":{"":{"adapted":{"":0}}}}`, "")
	f.Fuzz(func(t *testing.T, metrics, stability, results, settings string) {
		dir := t.TempDir()
		for name, content := range map[string]string{"metrics.jsonl": metrics, "stability.jsonl": stability, "results.json": results, "config.resolved.yaml": settings} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r, err := runfolder.Read(dir)
		if err != nil {
			return
		}
		for _, runs := range [][]*runfolder.Run{{r}, {r, sample("x", "adamw", "0.1", "1", 3)}} {
			p, err := Page(runs, Options{})
			if err != nil || bytes.Contains(p, []byte("<script")) {
				t.Errorf("error %v, or a script", err)
			}
		}
		if err := WriteEvents(&bytes.Buffer{}, r); err != nil {
			t.Error(err)
		}
	})
}
