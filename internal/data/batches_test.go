package data

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/config"
)

// numbered loads files of records a0, a1, ...; b0, b1, ...
func numbered(t *testing.T, weights []float64, counts ...int) *Set {
	t.Helper()
	var files []config.DataFile
	for i, n := range counts {
		var b strings.Builder
		for j := range n {
			fmt.Fprintf(&b, "{\"text\":\"%c%d\"}\n", 'a'+i, j)
		}
		files = append(files, config.DataFile{Path: write(t, b.String()), Format: "text", Weight: weights[i]})
	}
	set, err := Load(defaults(), files, encoding())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// epoch writes the batches of an epoch: "a0 a1 | a2".
func epoch(b *Batches, n int) string {
	var steps []string
	for i := range b.StepsPerEpoch() {
		var names []string
		for _, x := range b.Step(n*b.StepsPerEpoch() + i) {
			names = append(names, strings.Trim(marked(x), "^{$}"))
		}
		steps = append(steps, strings.Join(names, " "))
	}
	return strings.Join(steps, " | ")
}

func TestBatchesInFileOrder(t *testing.T) {
	b := NewBatches(numbered(t, []float64{1, 2}, 3, 2), 4, 1, false)
	const want = "a0 a1 a2 b0 | b1 b0 b1"
	if got := []string{epoch(b, 0), epoch(b, 1)}; got[0] != want || got[1] != want {
		t.Errorf("got %q", got)
	}
	if c := NewBatches(NewSet(b.set.Examples), 2, 1, false); epoch(c, 1) != "a0 a1 | a2 b0 | b1" {
		t.Errorf("a set of examples at hand: %s", epoch(c, 1))
	}
	if b.perEpoch != 7 || b.StepsPerEpoch() != 2 {
		t.Errorf("%d records, %d steps", b.perEpoch, b.StepsPerEpoch())
	}
}

func TestBatchesShuffle(t *testing.T) {
	set := numbered(t, []float64{1}, 40)
	b := NewBatches(set, 7, 42, true)
	var all []string
	for n := range 3 {
		got := epoch(b, n)
		if slices.Contains(all, got) {
			t.Errorf("epoch %d repeats an order", n)
		}
		all = append(all, got)
		names := strings.Fields(strings.ReplaceAll(got, "|", ""))
		slices.Sort(names)
		if len(slices.Compact(names)) != 40 {
			t.Errorf("epoch %d does not hold every example once: %s", n, got)
		}
	}
	// The order is part of what a release promises: a resumed run must find it.
	if first, _, _ := strings.Cut(all[0], " |"); first != "a15 a8 a6 a19 a2 a32 a1" {
		t.Errorf("seed 42 begins with %s", first)
	}
	if epoch(NewBatches(set, 7, 43, true), 0) == all[0] {
		t.Error("the seed does not matter")
	}
	// Any step, asked alone or backwards, is that of the run.
	for step := 3*b.StepsPerEpoch() - 1; step >= 0; step-- {
		if d := cmp.Diff(sources(NewBatches(set, 7, 42, true).Step(step)), sources(b.Step(step))); d != "" {
			t.Errorf("step %d: %s", step, d)
		}
	}
}

func sources(examples []*Example) []string {
	var s []string
	for _, x := range examples {
		s = append(s, x.Source)
	}
	return s
}

func TestBatchesDrawFractions(t *testing.T) {
	b := NewBatches(numbered(t, []float64{0.5, 1.25, 0.01}, 10, 4, 3), 100, 3, false)
	if b.perEpoch != 5+5+1 {
		t.Fatalf("%d records", b.perEpoch)
	}
	drawn := map[string]bool{}
	for n := range 20 {
		names := strings.Fields(epoch(b, n))
		if !slices.IsSortedFunc(names[:5], strings.Compare) || names[0][0] != 'a' || names[4][0] != 'a' || names[5] != "b0" || names[10][0] != 'c' {
			t.Errorf("epoch %d: %s", n, names)
		}
		if len(slices.Compact(names[:5])) != 5 {
			t.Errorf("epoch %d draws an example twice: %s", n, names)
		}
		for _, name := range names[:5] {
			drawn[name] = true
		}
	}
	if len(drawn) != 10 {
		t.Errorf("20 epochs drew %d of 10 examples", len(drawn))
	}
}
