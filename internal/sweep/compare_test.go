package sweep

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/rng"
)

// The bootstrap of many items is the normal approximation's interval and p.
func TestResample(t *testing.T) {
	r := rng.New(3, "test")
	d, weights := make([]float64, 400), make([]float64, 400)
	for i := range d {
		weights[i] = float64(1 + r.IntN(9))
		d[i] = (0.08 + r.Normal()) * weights[i]
	}
	low, high, p := resample([][]float64{d}, weights)
	value := ratio(d, weights)
	var sum, total float64 // the variance of a ratio
	for i := range d {
		sum += math.Pow(d[i]-value*weights[i], 2)
		total += weights[i]
	}
	se := math.Sqrt(sum) / total
	want := math.Erfc(math.Abs(value) / se / math.Sqrt2)
	if math.Abs(low-(value-1.96*se)) > 0.1*se || math.Abs(high-(value+1.96*se)) > 0.1*se || math.Abs(p-want) > 0.02 {
		t.Errorf("%v in [%v, %v], p %v; the normal approximation says [%v, %v], p %v", value, low, high, p, value-1.96*se, value+1.96*se, want)
	}
	if _, _, again := resample([][]float64{d}, weights); again != p {
		t.Errorf("p is %v and then %v", p, again)
	}
	if _, _, p := resample([][]float64{{0, 0, 0}}, nil); p != 1 {
		t.Errorf("no difference: p %v", p)
	}
	// However large, few differences prove little.
	if _, _, p := resample([][]float64{{5, 5, 5}}, nil); p != 0.25 {
		t.Errorf("three of three: p %v", p)
	}
	if _, _, p := resample([][]float64{{5}}, nil); p != 1 {
		t.Errorf("one item: p %v", p)
	}
}

// Seeds count as items do: where they disagree, ever so many items prove nothing.
func TestResampleSeeds(t *testing.T) {
	r := rng.New(4, "test")
	const seeds, items = 12, 300
	d, effects := make([][]float64, seeds), make([]float64, seeds)
	for s := range d {
		effects[s] = 0.2 + 0.4*r.Normal()
		for range items {
			d[s] = append(d[s], effects[s])
		}
	}
	var sum float64
	mean := ratio(effects, nil)
	for _, e := range effects {
		sum += (e - mean) * (e - mean)
	}
	se := math.Sqrt(sum / (seeds - 1) / seeds)
	want := math.Erfc(math.Abs(mean) / se / math.Sqrt2)
	if low, high, p := resample(d, nil); math.Abs(low-(mean-1.96*se)) > 0.15*se || math.Abs(high-(mean+1.96*se)) > 0.15*se || math.Abs(p-want) > 0.03 {
		t.Errorf("%v in [%v, %v], p %v; the normal approximation says %v ± %v, p %v", mean, low, high, p, mean, 1.96*se, want)
	}
	if _, _, p := resample(d[:1], nil); p > 0.001 {
		t.Errorf("one seed: p %v", p)
	}
	opposed := make([]float64, items)
	for i := range opposed {
		opposed[i] = -0.9 * d[0][i]
	}
	if _, _, p := resample([][]float64{d[0], opposed}, nil); p < 0.5 {
		t.Errorf("two seeds that disagree: p %v", p)
	}
}

func TestHolm(t *testing.T) {
	all := []Comparison{{P: 0.04}, {P: 0.01}, {P: 0.03}, {P: 0.9}}
	holm(all)
	for i, want := range []float64{0.09, 0.04, 0.09, 0.9} { // R: p.adjust(c(.04,.01,.03,.9), "holm")
		if math.Abs(all[i].Holm-want) > 1e-12 {
			t.Errorf("%d: %v, want %v", i, all[i].Holm, want)
		}
	}
}

// result is a finished run: a loss file and a task.
func result(cell int, seed uint64, values map[string]string, losses, acc []float64) Record {
	one := 1.0
	var weights []float64
	for range losses {
		weights = append(weights, 2)
	}
	r := Record{Cell: cell, Seed: seed, Values: values, Status: Finished, FinalLoss: &one}
	if losses != nil {
		r.measures = append(r.measures, measure{name: "loss", source: "a", loss: true, values: losses, weights: weights})
	}
	if acc != nil {
		r.measures = append(r.measures, measure{name: "acc", source: "b", values: acc, base: make([]float64, len(acc))})
	}
	return r
}

func cellOf(method, rate string) map[string]string {
	return map[string]string{methodKey: method, rateKey: rate}
}

func TestCompare(t *testing.T) {
	diverged := Record{Cell: 1, Seed: 1, Values: cellOf("adamw", "2"), Status: Diverged}
	r := &Report{Keys: []string{methodKey, rateKey}, Runs: []Record{
		result(0, 1, cellOf("adamw", "1"), []float64{4, 4, 4}, []float64{0, 0, 0, 0, 0, 0}),
		result(0, 2, cellOf("adamw", "1"), []float64{2, 2, 2}, []float64{1, 0, 0, 0, 0, 1}),
		diverged,
		result(1, 2, cellOf("adamw", "2"), []float64{1, 1, 1}, []float64{1, 1, 1, 1, 1, 1}),
		result(2, 1, cellOf("rite", "1"), []float64{9, 9, 9}, []float64{1, 1, 1, 1, 1, 1}),
		result(2, 2, cellOf("rite", "1"), []float64{9, 9, 9}, []float64{1, 1, 1, 1, 1, 1}),
		result(3, 1, cellOf("rite", "2"), []float64{2, 2, 2}, []float64{1, 1, 1, 0, 0, 0}),
		result(3, 2, cellOf("rite", "2"), []float64{2, 2, 2}, []float64{1, 1, 1, 1, 0, 0}),
	}}
	r.compare()
	loss := r.Cells[0].Measures[0]
	if loss.Mean != 1.5 || math.Abs(*loss.SD-math.Sqrt(0.5)) > 1e-15 || loss.Best != 1 || loss.BestSeed != 2 || loss.N != 2 || loss.Base != nil {
		t.Errorf("%+v", loss)
	}
	if acc := r.Cells[0].Measures[1]; math.Abs(acc.Mean-1.0/6) > 1e-15 || math.Abs(acc.Best-1.0/3) > 1e-15 || *acc.Base != 0 {
		t.Errorf("%+v", acc)
	}
	if s := r.Cells[1].Measures[0]; s.SD != nil || s.N != 1 || r.Cells[1].Failed != 1 {
		t.Errorf("%+v", r.Cells[1])
	}
	// adamw at 2 has the lowest loss, but of one seed alone; rite at 1 the best
	// accuracy, which is not chosen on.
	ch := r.Choice
	if ch.On != "loss" || cmp.Diff([]string{"acc"}, ch.ConfirmedOn) != "" || ch.SameData || len(ch.Methods) != 2 ||
		ch.Methods[0].Cell != 0 || ch.Methods[1].Cell != 3 || ch.Methods[1].Tried != 2 || len(ch.Methods[1].Scores) != 2 {
		t.Errorf("%+v", ch)
	}
	if !strings.Contains(ch.Methods[0].Edge, "lowest tried") || !strings.Contains(ch.Methods[1].Edge, "highest tried") {
		t.Errorf("%+v", ch.Methods)
	}
	if len(r.Comparisons) != 2 {
		t.Fatalf("%+v", r.Comparisons)
	}
	c := r.Comparisons[0]
	if c.LabelA != "rite, learning_rate=2" || c.LabelB != "adamw, learning_rate=1" || c.Role != "chosen on" || c.Difference != -0.5 || c.Test != twoWay || c.BySeed != nil {
		t.Errorf("%+v", c)
	}
	c = r.Comparisons[1]
	// Of the seeds: 3/6 and 2/6.
	if c.Role != "confirmed on" || math.Abs(c.Difference-2.5/6) > 1e-15 || c.Test != twoWay || c.Items != 6 || len(c.Seeds) != 2 ||
		cmp.Diff([]BySeed{{1, 3, 0, 0.25}, {2, 3, 1, 0.625}}, c.BySeed) != "" {
		t.Errorf("%+v", c)
	}
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "2 tests were made") || strings.Contains(notes, "same data") {
		t.Error(notes)
	}
}

// One seed and one method: exact tests against the chosen cell, and the reader is
// told that nothing else confirms it.
func TestCompareOneMethod(t *testing.T) {
	rates := func(rate string) map[string]string { return map[string]string{rateKey: rate} }
	r := &Report{Keys: []string{rateKey}, Runs: []Record{
		result(0, 1, rates("1"), nil, []float64{0, 0, 0, 0, 1}),
		result(1, 1, rates("2"), nil, []float64{1, 1, 1, 1, 0}),
		result(2, 1, rates("3"), nil, []float64{1, 1, 1, 0, 0}),
	}}
	r.compare()
	if r.Choice.Methods[0].Cell != 1 || !r.Choice.SameData || r.Choice.Methods[0].Edge != "" {
		t.Errorf("%+v", r.Choice)
	}
	if len(r.Comparisons) != 2 || r.Comparisons[0].Test != mcNemar || r.Comparisons[0].P != 0.375 || r.Comparisons[0].LabelB != "learning_rate=1" {
		t.Errorf("%+v", r.Comparisons)
	}
	if !strings.Contains(strings.Join(r.Notes, "\n"), "chosen and confirmed on the same data (acc)") {
		t.Errorf("%q", r.Notes)
	}
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"chosen on acc, confirmed on the same data\n", "exact McNemar\n", "note: chosen and confirmed on the same data", "base model "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	// Other items are not compared.
	r.Runs[0].measures[0].items = "others"
	r.compare()
	if len(r.Comparisons) != 1 || !strings.Contains(strings.Join(r.Notes, "\n"), "answered other items: acc is not compared") {
		t.Errorf("%+v %q", r.Comparisons, r.Notes)
	}
	r.Runs = []Record{result(0, 1, rates("1"), nil, nil)}
	r.compare()
	if r.Choice != nil || !strings.Contains(r.Notes[0], "nothing was held out") {
		t.Errorf("%+v", r)
	}
}

// Without several optimizers every key but the learning rate makes a method.
func TestMethods(t *testing.T) {
	for _, c := range []struct {
		keys          []string
		optimizers    []string
		method, tuned []string
	}{
		{[]string{methodKey, rateKey, "lora.r"}, []string{"a", "b"}, []string{methodKey}, []string{rateKey, "lora.r"}},
		{[]string{methodKey, rateKey, "lora.r"}, []string{"a", "a"}, []string{methodKey, "lora.r"}, []string{rateKey}},
		{[]string{"lora.r"}, []string{"", ""}, []string{"lora.r"}, []string{}},
		{[]string{rateKey}, []string{"", ""}, []string{}, []string{rateKey}},
	} {
		r := &Report{Keys: c.keys}
		for _, o := range c.optimizers {
			r.Cells = append(r.Cells, Cell{Values: map[string]string{methodKey: o}})
		}
		method, tuned := r.methods()
		if cmp.Diff(c.method, method)+cmp.Diff(c.tuned, tuned) != "" {
			t.Errorf("%q: %q, %q", c.keys, method, tuned)
		}
	}
}

func TestMeasures(t *testing.T) {
	all, err := measuresOf(&metrics.Items{
		HeldOut: []metrics.HeldOutItems{{Path: "x/a", Losses: []float64{1, 5}, Tokens: []int{1, 2}}, {Path: "y/a", Losses: []float64{3}, Tokens: []int{1}}},
		Tasks:   []metrics.TaskItems{{Task: "gsm8k", Metrics: []metrics.MetricItems{{Key: "exact_match,strict-match", Adapted: []float64{1, 0}}}}},
	})
	if err != nil || len(all) != 3 || all[0].value() != 2 || all[1].name == all[0].name || all[2].column != "gsm8k/exact_match/strict-match" || *heldOutLoss(all) != 2.25 {
		t.Errorf("%+v %v", all, err)
	}
	for _, broken := range []metrics.Items{
		{HeldOut: []metrics.HeldOutItems{{Losses: []float64{1}}}},
		{HeldOut: []metrics.HeldOutItems{{}}},
		{Tasks: []metrics.TaskItems{{Metrics: []metrics.MetricItems{{Key: "a"}}}}},
		{Tasks: []metrics.TaskItems{{Metrics: []metrics.MetricItems{{Key: "a", Adapted: []float64{1}, Base: []float64{1, 2}}}}}},
	} {
		if all, err := measuresOf(&broken); err == nil {
			t.Errorf("%+v", all)
		}
	}
}

func TestSameFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "x", "b": "x", "c": "y"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a := filepath.Join(dir, "a")
	if !sameFile(a, a) || !sameFile(a, filepath.Join(dir, "b")) || sameFile(a, filepath.Join(dir, "c")) || sameFile(a, filepath.Join(dir, "d")) {
		t.Error("not told apart")
	}
}
