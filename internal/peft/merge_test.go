package peft

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/golden"
	"github.com/stablelora/stablelora/internal/safetensors"
	"github.com/stablelora/stablelora/internal/tensor"
)

// checkMerged compares every merged tensor with PEFT's: F32 to 1e-6 of the
// tensor's largest element; 16 bits to the bit but for one unit in the last place
// in at most one element of a thousand, where sums were taken in another order.
func checkMerged(t *testing.T, base *safetensors.Set, a *Adapter, want *safetensors.File) (lost int) {
	t.Helper()
	elements, differ := 0, 0
	for i := range a.Pairs {
		name := a.Pairs[i].Module + ".weight"
		w, _ := base.Tensor(name)
		to, err := w.Format()
		if err != nil {
			t.Fatal(err)
		}
		got, stats, err := mergeInto(nil, w, &a.Pairs[i], to)
		if err != nil {
			t.Fatal(err)
		}
		expected, ok := want.Tensor(name)
		if !ok || expected.DType != got.DType {
			t.Fatalf("%s: PEFT has dtype %s, ours is %s", name, expected.DType, got.DType)
		}
		elements, lost = elements+stats.Elements, lost+stats.Lost
		if to != dtype.F32 {
			differ += differences(t, got, expected)
			continue
		}
		worst, largest := 0.0, 0.0
		g, e := got.F32View(), expected.F32View()
		for j := range g {
			worst = math.Max(worst, math.Abs(float64(g[j])-float64(e[j])))
			largest = math.Max(largest, math.Abs(float64(e[j])))
		}
		if !(worst <= 1e-6*largest) {
			t.Errorf("%s differs by %g, the largest element is %g", name, worst, largest)
		}
	}
	t.Logf("%d of %d elements differ by one unit, %d changes lost in rounding", differ, elements, lost)
	if differ*1000 > elements {
		t.Errorf("%d of %d elements differ", differ, elements)
	}
	return lost
}

func differences(t *testing.T, got, want safetensors.Tensor) (n int) {
	t.Helper()
	g, w := got.U16View(), want.U16View()
	for j := range g {
		if g[j] == w[j] {
			continue
		}
		if n++; g[j]+1 != w[j] && w[j]+1 != g[j] {
			t.Errorf("%s, element %d: %#x, want %#x", got.Name, j, g[j], w[j])
		}
	}
	return n
}

func TestMergeTensorAsPEFT(t *testing.T) {
	want, err := safetensors.Open("testdata/merged/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if lost := checkMerged(t, openModel(t, baseDir), mustLoad(t, adapterDir, tiny), want); lost != 10 {
		t.Errorf("%d elements unchanged, PEFT left 10", lost)
	}
}

func TestMergeTensorFixtures(t *testing.T) {
	root := golden.Shared(t, "fixtures")
	for _, c := range []struct {
		merge, model, adapter string
		unchanged             int
	}{
		{"llama-f16", "llama-f16", "f16-patterns", 34}, {"llama-untied-f32", "llama-untied-sharded", "untied-rslora", 0},
		{"llama3-bf16", "llama3-tiny", "llama3-qv", 140}, {"qwen2-bf16", "qwen2-tiny", "qwen2-all7", 502},
	} {
		t.Run(c.merge, func(t *testing.T) {
			dir := filepath.Join(root, "models", c.model)
			want, err := safetensors.Open(filepath.Join(root, "merge", c.merge, "model.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			defer want.Close()
			a := mustLoad(t, filepath.Join(root, "adapters", c.adapter), modulesOf(t, dir))
			if lost := checkMerged(t, openModel(t, dir), a, want); lost != c.unchanged {
				t.Errorf("%d elements unchanged, the reference says %d", lost, c.unchanged)
			}
		})
	}
}

// pair is 1 x n with r = 1, A all one and B = b.
func pair(n int, b float32, scale float64) *Pair {
	p := &Pair{Module: "m", In: n, Out: 1, R: 1, Scale: scale, A: tensor.NewParam("A", 1, n), B: tensor.NewParam("B", 1, 1)}
	for i := range p.A.Value.Data {
		p.A.Value.Data[i] = 1
	}
	p.B.Value.Data[0] = b
	return p
}

// The sum is rounded once: 1 + 2^-8 + 2^-16 is just above the middle between two
// bfloat16 values; rounding the change alone first would make it the middle.
func TestMergeRoundsOnce(t *testing.T) {
	w := safetensors.F32Tensor("m.weight", []int{1, 2}, []float32{1, 1 + 1.0/128})
	for _, c := range []struct {
		delta float32
		to    dtype.DType
		want  [2]float32
		lost  int
	}{
		{1.0/256 + 1.0/65536, dtype.BF16, [2]float32{1 + 1.0/128, 1 + 2.0/128}, 0},
		{1.0 / 256, dtype.BF16, [2]float32{1, 1 + 2.0/128}, 1}, // ties to even
		{1.0 / 1024, dtype.BF16, [2]float32{1, 1 + 1.0/128}, 2},
		{1.0 / 1024, dtype.F16, [2]float32{1 + 1.0/1024, 1 + 9.0/1024}, 0},
		{1e-9, dtype.F32, [2]float32{1, 1 + 1.0/128}, 2},
		{0, dtype.BF16, [2]float32{1, 1 + 1.0/128}, 0}, // nothing to lose
	} {
		got, stats, err := mergeInto(nil, w, pair(2, c.delta/2, 2), c.to)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := got.Float32s(); err != nil || [2]float32(v) != c.want || stats != (MergeStats{2, c.lost}) || got.DType != c.to.String() {
			t.Errorf("1 + %v as %v: %v, %+v, want %v with %d lost", c.delta, c.to, v, stats, c.want, c.lost)
		}
	}
}

func TestMergeTensorRefuses(t *testing.T) {
	inf := float32(math.Inf(1))
	one := safetensors.F32Tensor("m.weight", []int{1, 2}, []float32{1, 1})
	for _, c := range []struct {
		name string
		w    safetensors.Tensor
		b    float32
		to   dtype.DType
		want string
	}{
		{"overflow", one, 3e38, dtype.F32, "NaN or infinity in merged m.weight, element 0: the adapter seems broken"},
		{"range of F16", one, 40000, dtype.F16, "m.weight, element 0, is beyond F16's largest value 65504; use bf16 or f32"},
		{"broken base", safetensors.F32Tensor("m.weight", []int{1, 2}, []float32{1, inf}), 1, dtype.BF16, "NaN or infinity in the base model's m.weight, element 1"},
		{"shape", safetensors.F32Tensor("m.weight", []int{2, 1}, []float32{1, 1}), 1, dtype.F32, "has shape [2 1], the adapter's pair is for [1 2]"},
		{"dtype", safetensors.Tensor{Name: "m.weight", DType: "I8", Shape: []int{1, 2}, Data: []byte{1, 1}}, 1, dtype.F32, "has dtype I8"},
	} {
		if _, _, err := mergeInto(nil, c.w, pair(2, c.b, 2), c.to); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}
