package model

import (
	"math"
	"testing"

	"github.com/stablelora/stablelora/internal/isa"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Rounding the inputs of products to 8 bits leaves losses and gradients what they
// were to within some of those bits, and every kernel gives the same.
func TestComputeBF16(t *testing.T) {
	c := &Config{Architecture: "LlamaForCausalLM", HiddenSize: 192, IntermediateSize: 500, Layers: 2, Heads: 6, KVHeads: 2, HeadDim: 32,
		VocabSize: 300, MaxPositions: 64, RMSNormEps: 1e-6, TieEmbeddings: true, RopeTheta: 1e4, RopeScale: RopeScaling{Kind: "default"}}
	m := Random(c, 1)
	adapt(m, every(c.Layers, 4, Q, K, V, O, Gate, Up, Down), 0)
	for _, l := range m.Linears() {
		for _, p := range []*tensor.Param{l.LoRA.A, l.LoRA.B} {
			for i := range p.Value.Data {
				p.Value.Data[i] = float32(i*7919%101-50) / 1000
			}
		}
	}
	tokens := make([]int32, 48)
	for i := range tokens {
		tokens[i] = int32(i * 37 % c.VocabSize)
	}
	pass := func(compute tensor.Compute) (losses []float64, gradient []float32) {
		m.SetCompute(compute)
		b := NewBatch()
		b.Append(tokens, func(t int) bool { return t > 20 })
		losses = m.LossAndGradient(b, 1)
		for _, l := range m.Linears() {
			for _, p := range []*tensor.Param{l.LoRA.A, l.LoRA.B} {
				p.Sum.Finish()
				gradient = append(gradient, p.Grad.Data...)
			}
		}
		return losses, gradient
	}
	want, full := pass(tensor.FP32)
	got, rounded := pass(tensor.BF16)
	var far float64
	for i := range want {
		far = max(far, math.Abs(got[i]-want[i]))
	}
	if far == 0 || far > 0.02 {
		t.Errorf("losses of bfloat16 products are within %v of those of float32 ones", far)
	}
	var dot, a, b float64
	for i, g := range full {
		dot, a, b = dot+float64(g)*float64(rounded[i]), a+float64(g)*float64(g), b+float64(rounded[i])*float64(rounded[i])
	}
	if cosine := dot / math.Sqrt(a*b); cosine > 1-1e-9 || cosine < 0.9995 {
		t.Errorf("the gradients' cosine is %v", cosine)
	}
	defer isa.Use(isa.Current())
	for _, set := range isa.Available() {
		isa.Use(set)
		again, gradient := pass(tensor.BF16)
		for i := range got {
			if again[i] != got[i] {
				t.Fatalf("%v: loss %d is %v, not %v", set, i, again[i], got[i])
			}
		}
		for i := range rounded {
			if gradient[i] != rounded[i] {
				t.Fatalf("%v: gradient %d is %v, not %v", set, i, gradient[i], rounded[i])
			}
		}
	}
}
