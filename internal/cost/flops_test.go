package cost

import (
	"math"
	"testing"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/preset"
)

func tiny() *model.Config {
	return &model.Config{Architecture: "LlamaForCausalLM", HiddenSize: 4, IntermediateSize: 8, Layers: 2, Heads: 2, KVHeads: 1,
		HeadDim: 2, VocabSize: 10, MaxPositions: 64, RMSNormEps: 1e-6, TieEmbeddings: true, RopeTheta: 1e4,
		RopeScale: model.RopeScaling{Kind: "default"}}
}

// adapted gives some layers of every block a rank.
func adapted(blocks, rank int, layers ...int) []model.Ranks {
	all := make([]model.Ranks, blocks)
	for i := range all {
		for _, l := range layers {
			all[i][l] = rank
		}
	}
	return all
}

// Counted by hand: block 0 has 4 rows and 10 pairs of query and key, block 1 has
// 4 rows of keys and 2 queries that see 3 and 4 of them.
func TestTrain(t *testing.T) {
	got := Train(tiny(), adapted(2, 1, model.Q, model.V), LoadOf(Sequence{Tokens: 5, Supervised: 2}), false).Needed
	want := Flops{
		LinearForward:     (896 + 256) + (448 + 192), // o and MLP; q, k and v
		LinearBackward:    896 + (448 + 192),
		AttentionForward:  4*4*10 + 4*4*7,
		AttentionBackward: 6*4*10 + 8*4*7,
		LowRank:           (112 + 160) + (80 + 112 + 48), // forward; factors and dH; dX
		Head:              4 * 2 * 4 * 10,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.Total() != 1792+1536+272+464+512+320 {
		t.Errorf("the total is %v", got.Total())
	}
}

// Known budgets per token, with every token supervised: twice the linear weights
// forward, and four times the head's.
func TestTrainOfPresets(t *testing.T) {
	for name, want := range map[string]struct{ linear, head float64 }{ // 1e6
		"qwen2-0.5b":  {715.7, 544.5},
		"llama3.2-1b": {1946.2, 1050.7},
		"qwen2-1.5b":  {2620.4, 933.5},
		"llama3.2-3b": {5637.1, 1576.0},
	} {
		c, _ := preset.Config(name)
		f := Train(c, adapted(c.Layers, 8, model.Q, model.V), LoadOf(Sequence{Tokens: 513, Supervised: 512}), false).Needed
		for _, x := range []struct {
			what      string
			got, want float64
		}{{"linear", f.LinearForward / 512e6, want.linear}, {"head", f.Head / 512e6, want.head}} {
			if math.Abs(x.got-x.want) > 0.001*x.want {
				t.Errorf("%s: %s %.1f MFLOP a token, want %.1f", name, x.what, x.got, x.want)
			}
		}
		// Block 0 has no dX for q, k and v.
		d, q, kv := float64(c.HiddenSize), float64(c.Heads*c.HeadDim), float64(c.KVHeads*c.HeadDim)
		if saved := f.LinearForward - f.LinearBackward; saved != 512*2*d*(q+2*kv) {
			t.Errorf("%s: backward saves %v", name, saved)
		}
	}
}

// What the places of adapted layers leave out, beside a step that needs every
// gradient. n is 4 rows, m 2 of them; D 4, Q 4, KV 2, F 8; 10 and 7 pairs.
func TestTrainGoesNoFurtherDownThanNeeded(t *testing.T) {
	c, l := tiny(), LoadOf(Sequence{Tokens: 5, Supervised: 2})
	whole := Train(c, adapted(2, 1, model.Q, model.K, model.V, model.O, model.Gate, model.Up, model.Down), l, true)
	const (
		block0, block1 = 4 * 2 * (16 + 96), 2 * 2 * (16 + 96) // o and MLP
		qkv0, qkv1     = 4*2*16 + 4*2*2*8, 2*2*16 + 4*2*2*8   // q, k and v
		dX             = block0 + block1 + qkv1               // block 0 has none of its q, k and v
		attention      = (4*10 + 4*7) * 4                     // forward
	)
	if got := whole.Needed.LinearBackward; got != dX {
		t.Errorf("all: %v operations of dX, want %v", got, float64(dX))
	}
	if whole.Needed.AttentionBackward != 2*attention || whole.Again.LinearForward != block0+block1+qkv0+qkv1 || whole.Again.AttentionForward != attention {
		t.Errorf("all: %+v", whole)
	}
	for name, x := range map[string]struct {
		ranks            []model.Ranks
		dX, attention    float64
		again            float64 // linear forward
		oneLayerBackward float64 // of LoRA
	}{
		"down of the last block": {[]model.Ranks{{}, {model.Down: 1}}, 0, 0, block1 + qkv1, 2 * 2 * (8 + 2*4)},
		"gate of the last block": {[]model.Ranks{{}, {model.Gate: 1}}, 2 * 2 * 32, 0, block1 + qkv1, 2 * 2 * (4 + 2*8)},
		"o of the last block":    {[]model.Ranks{{}, {model.O: 1}}, 2 * 2 * 96, 0, block1 + qkv1, 2 * 2 * (4 + 2*4)},
		"v of the last block":    {[]model.Ranks{{}, {model.V: 1}}, block1, 2 * 4 * 7, block1 + qkv1, 2 * 4 * (4 + 2*2)},
		"k of the last block":    {[]model.Ranks{{}, {model.K: 1}}, block1, 4 * 4 * 7, block1 + qkv1, 2 * 4 * (4 + 2*2)},
	} {
		w := Train(c, x.ranks, l, true)
		if w.Needed.LinearBackward != x.dX || w.Needed.AttentionBackward != x.attention || w.Again.LinearForward != x.again {
			t.Errorf("%s: %+v", name, w)
		}
		if forward := Train(c, x.ranks, l, true).Again.LowRank; w.Needed.LowRank-forward != x.oneLayerBackward {
			t.Errorf("%s: %v operations of LoRA backward, want %v", name, w.Needed.LowRank-forward, x.oneLayerBackward)
		}
		if w.Needed.LinearForward != whole.Needed.LinearForward || w.Needed.Head != whole.Needed.Head {
			t.Errorf("%s: forward %+v", name, w.Needed)
		}
	}
}
