package bench

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/preset"
)

// tiny is a shape that takes milliseconds.
func tiny() *model.Config {
	return &model.Config{Architecture: "LlamaForCausalLM", HiddenSize: 4, IntermediateSize: 8, Layers: 2, Heads: 2, KVHeads: 1,
		HeadDim: 2, VocabSize: 10, MaxPositions: 64, RMSNormEps: 1e-6, TieEmbeddings: true, RopeTheta: 1e4,
		RopeScale: model.RopeScaling{Kind: "default"}}
}

// Counted by hand: block 0 has 4 rows and 10 pairs of query and key, block 1 has
// 4 rows of keys and 2 queries that see 3 and 4 of them.
func TestStepFlops(t *testing.T) {
	got := StepFlops(tiny(), 5, 2, 1)
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
func TestStepFlopsOfPresets(t *testing.T) {
	for name, want := range map[string]struct{ linear, head float64 }{ // 1e6
		"qwen2-0.5b":  {715.7, 544.5},
		"llama3.2-1b": {1946.2, 1050.7},
		"qwen2-1.5b":  {2620.4, 933.5},
		"llama3.2-3b": {5637.1, 1576.0},
	} {
		c, _ := preset.Config(name)
		f := StepFlops(c, 513, 512, 8)
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

func TestRun(t *testing.T) {
	c := tiny()
	c.MaxPositions = 1024
	r, err := Run(context.Background(), Options{Name: "tiny", Config: c, Tokens: 9, Supervised: 0.25, Steps: 2, Message: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	if r.SupervisedTokens != 2 || r.Recompute {
		t.Errorf("%d tokens are supervised, recompute %v", r.SupervisedTokens, r.Recompute)
	}
	if x := 2 * float64(c.NumParameters()) * r.DecodeSpeed; r.DecodeRead != x {
		t.Errorf("decode reads %v bytes a second, want %v", r.DecodeRead, x)
	}
	sum := 0.0
	for _, p := range r.Parts {
		if p.Seconds <= 0 {
			t.Errorf("%s took %v s", p.Name, p.Seconds)
		}
		sum += p.Seconds
	}
	if math.Abs(sum-r.StepSeconds) > 1e-6 {
		t.Errorf("the parts add up to %v s of a step of %v s", sum, r.StepSeconds)
	}
	flops := StepFlops(c, 9, 2, rank).Total()
	if x := flops / r.StepSeconds / 1e9; math.Abs(r.GFlops-x) > 1e-9*x || r.FractionOfPeak != r.GFlops/r.PeakGFlops {
		t.Errorf("%v GFLOP/s, fraction %v of %v", r.GFlops, r.FractionOfPeak, r.PeakGFlops)
	}

	if r.LowestPeak <= 0 || r.LowestPeak > r.PeakGFlops {
		t.Errorf("peaks from %v to %v GFLOP/s", r.LowestPeak, r.PeakGFlops)
	}
	if busy := (&Result{PeakGFlops: 200, LowestPeak: 110}); !busy.Busy() || (&Result{PeakGFlops: 200, LowestPeak: 195}).Busy() {
		t.Error("Busy does not compare the peaks")
	}

	// The document's keys.
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"tokens", "threads", "supervised", "tokens_per_second", "gflops", "peak_gflops", "fraction_of_peak",
		"peak_rss_bytes", "decode_tokens_per_second", "prompt_tokens_per_second", "decode_bytes_per_second", "read_bytes_per_second"} {
		if x, ok := doc[key].(float64); !ok || x <= 0 {
			t.Errorf("%s is %v", key, doc[key])
		}
	}
	for key, want := range map[string]string{"preset": "tiny", "compute": "fp32", "kernel": r.Kernel} {
		if doc[key] != want {
			t.Errorf("%s is %v, want %s", key, doc[key], want)
		}
	}
	if part := doc["parts"].([]any)[0].(map[string]any); part["name"] != "linear forward" || part["seconds"].(float64) <= 0 {
		t.Errorf("the first part is %v", part)
	}
}

func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Run(ctx, Options{Name: "tiny", Config: tiny(), Tokens: 9, Supervised: 1, Steps: 1, Message: func(string) {}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFits(t *testing.T) {
	c, _ := preset.Config("qwen2-0.5b")
	for _, x := range []struct {
		have             uint64
		recompute, fails bool
	}{{0, false, false}, {16e9, false, false}, {2e9, true, false}, {1e9, true, true}} {
		recompute, err := fits(c, 512, x.have)
		var memory *MemoryError
		if recompute != x.recompute || errors.As(err, &memory) != x.fails {
			t.Errorf("%.0e bytes: recompute %v, %v", float64(x.have), recompute, err)
		}
	}
}
