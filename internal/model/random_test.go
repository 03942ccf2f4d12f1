package model

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/parallel"
)

func testdataModels(t *testing.T) []*Decoder {
	t.Helper()
	dirs, err := filepath.Glob("testdata/*/config.json")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no models in testdata", err)
	}
	var models []*Decoder
	for _, d := range dirs {
		m, err := Load(filepath.Dir(d))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		models = append(models, m)
	}
	return models
}

func TestConfigCountsParameters(t *testing.T) {
	for _, m := range testdataModels(t) {
		if got, want := m.Config.NumParameters(), m.NumParameters(); got != want {
			t.Errorf("%s: %d, the files hold %d", m.Weights().Dir(), got, want)
		}
	}
}

// Random weights depend on the seed and nothing else, have the spread they
// should, and make a model that computes.
func TestRandom(t *testing.T) {
	defer parallel.SetThreads(parallel.Threads())
	c := *testdataModels(t)[0].Config
	c.VocabSize = 3000 // more than one part of a matrix
	parallel.SetThreads(1)
	one := Random(&c, 1)
	parallel.SetThreads(3)
	same, other := Random(&c, 1), Random(&c, 2)
	if !slices.Equal(one.Embed.U16, same.Embed.U16) || !slices.Equal(one.Layers[0].QProj.W.U16, same.Layers[0].QProj.W.U16) {
		t.Error("the same seed gives other weights")
	}
	if slices.Equal(one.Embed.U16, other.Embed.U16) || slices.Equal(one.Layers[0].KProj.W.U16, one.Layers[0].VProj.W.U16) {
		t.Error("two seeds or two tensors give the same weights")
	}
	var sum, squares float64
	for _, h := range one.Embed.U16 {
		x := float64(dtype.FromBF16(h))
		sum, squares = sum+x, squares+x*x
	}
	n := float64(len(one.Embed.U16))
	if mean, deviation := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 1e-3 || math.Abs(deviation-0.0202) > 5e-4 {
		t.Errorf("the weights have mean %v and deviation %v", mean, deviation)
	}
	b := NewBatch()
	b.Append([]int32{1, 2, 3, 4}, func(int) bool { return true })
	losses := one.Losses(b)
	for _, l := range losses { // close to a guess, whose loss is log V
		if math.Abs(l-math.Log(3000)) > 1 {
			t.Errorf("losses %v, want about %v", losses, math.Log(3000))
		}
	}
	if err := one.Close(); err != nil {
		t.Error(err)
	}
}
