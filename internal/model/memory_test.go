package model

import (
	"fmt"
	"testing"

	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/tensor"
)

// adapt puts LoRA of the given ranks on the layers; factors are 0.
func adapt(m *Decoder, ranks []Ranks, dropout float64) {
	for i, b := range m.Layers {
		for j, l := range b.linears() {
			l.LoRA = nil
			if r := ranks[i][j]; r > 0 {
				l.Attach(&nn.LoRA{A: tensor.NewParam("A", r, l.W.Cols), B: tensor.NewParam("B", l.W.Rows, r), Scale: 1, Dropout: dropout})
			}
		}
	}
}

// every returns the same ranks for so many blocks, with those of some layers.
func every(blocks int, rank int, layers ...int) []Ranks {
	ranks := make([]Ranks, blocks)
	for i := range ranks {
		for _, l := range layers {
			ranks[i][l] = rank
		}
	}
	return ranks
}

// PassBytes is what the arena has handed out, to the byte.
func TestPassBytes(t *testing.T) {
	shapes := map[string]*Config{
		"llama": {Architecture: "LlamaForCausalLM", HiddenSize: 24, IntermediateSize: 56, Layers: 3, Heads: 4, KVHeads: 2, HeadDim: 6,
			VocabSize: 50, MaxPositions: 64, RMSNormEps: 1e-6, TieEmbeddings: true, RopeTheta: 1e4, RopeScale: RopeScaling{Kind: "default"}},
	}
	qwen3, wide := *shapes["llama"], *shapes["llama"]
	qwen3.Architecture, qwen3.QKNorm, qwen3.HeadDim = "Qwen3ForCausalLM", true, 10
	wide.IntermediateSize, wide.Layers, wide.VocabSize = 8, 2, 700
	shapes["qwen3"], shapes["wide head"] = &qwen3, &wide

	for name, c := range shapes {
		top := every(c.Layers, 3, Q, V)
		top[0] = Ranks{}
		for adapters, ranks := range map[string][]Ranks{
			"q and v": every(c.Layers, 2, Q, V), "all": every(c.Layers, 2, Q, K, V, O, Gate, Up, Down), "top blocks": top,
			"o": every(c.Layers, 5, O), "down": every(c.Layers, 2, Down), "gate": every(c.Layers, 1, Gate), "none": every(c.Layers, 0),
		} {
			for _, dropout := range []float64{0, 0.5} {
				for _, recompute := range []bool{false, true} {
					m := Random(c, 1)
					adapt(m, ranks, dropout)
					m.Recompute = recompute
					b := NewBatch()
					b.Train = true
					b.Append(make([]int32, 12), func(i int) bool { return i > 8 })
					b.Append(make([]int32, 6), func(i int) bool { return i == 5 })
					m.LossAndGradient(b, 1)
					p := PassSize{Rows: 16, Asked: 4, Ranks: ranks, Dropout: dropout > 0, Recompute: recompute}
					if got, want := c.PassBytes(p).Peak, m.arena.Bytes(); got != want {
						t.Errorf("%s", fmt.Sprintf("%s, %s, dropout %v, recompute %v: %d bytes, the arena %d", name, adapters, dropout, recompute, got, want))
					}
				}
			}
		}
	}
}

// ForwardBytes is what the arena has handed out, to the byte.
func TestForwardBytes(t *testing.T) {
	for name, m := range map[string]*Decoder{"deep": Random(&Config{Architecture: "LlamaForCausalLM", HiddenSize: 24, IntermediateSize: 56, Layers: 3,
		Heads: 4, KVHeads: 2, HeadDim: 6, VocabSize: 50, MaxPositions: 64, RMSNormEps: 1e-6, RopeTheta: 1e4, RopeScale: RopeScaling{Kind: "default"}}, 1),
		"wide head": Random(&Config{Architecture: "Qwen3ForCausalLM", HiddenSize: 24, IntermediateSize: 8, Layers: 2, QKNorm: true,
			Heads: 4, KVHeads: 2, HeadDim: 10, VocabSize: 700, MaxPositions: 64, RMSNormEps: 1e-6, RopeTheta: 1e4, RopeScale: RopeScaling{Kind: "default"}}, 1)} {
		for _, ranks := range [][]Ranks{every(m.Config.Layers, 0), every(m.Config.Layers, 2, Q, O, Down)} {
			adapt(m, ranks, 0)
			b := NewBatch()
			b.Append(make([]int32, 12), func(i int) bool { return i > 8 })
			b.Append(make([]int32, 6), func(i int) bool { return i == 5 })
			m.arena = tensor.Arena{}
			m.Losses(b)
			if got, want := m.Config.ForwardBytes(PassSize{Rows: 16, Asked: 4, Ranks: ranks}), m.arena.Bytes(); got != want {
				t.Errorf("%s, %v: %d bytes, the arena %d", name, ranks[0], got, want)
			}
		}
	}
}

// The layers of a configuration are those of the model.
func TestBlockShapes(t *testing.T) {
	for _, m := range testdataModels(t) {
		for i, b := range m.Layers {
			shapes := m.Config.BlockShapes(i)
			for j, l := range b.linears() {
				if want := (LinearShape{l.Name, l.W.Cols, l.W.Rows}); shapes[j] != want {
					t.Errorf("got %+v, want %+v", shapes[j], want)
				}
			}
		}
	}
}
