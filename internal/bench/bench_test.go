package bench

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/preset"
)

// tiny is a shape that takes milliseconds.
func tiny() *model.Config {
	return &model.Config{Architecture: "LlamaForCausalLM", HiddenSize: 4, IntermediateSize: 8, Layers: 2, Heads: 2, KVHeads: 1,
		HeadDim: 2, VocabSize: 10, MaxPositions: 64, RMSNormEps: 1e-6, TieEmbeddings: true, RopeTheta: 1e4,
		RopeScale: model.RopeScaling{Kind: "default"}}
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
	flops := cost.Train(c, ranks(c), cost.LoadOf(cost.Sequence{Tokens: 9, Supervised: 2}), false).Needed.Total()
	if x := flops / r.StepSeconds / 1e9; math.Abs(r.GFlops-x) > 1e-9*x || r.FractionOfPeak != r.GFlops/r.PeakGFlops {
		t.Errorf("%v GFLOP/s, fraction %v of %v", r.GFlops, r.FractionOfPeak, r.PeakGFlops)
	}

	if r.LowestPeak <= 0 || r.LowestPeak > r.PeakGFlops {
		t.Errorf("peaks from %v to %v GFLOP/s", r.LowestPeak, r.PeakGFlops)
	}
	if busy := (&Peaks{PeakGFlops: 200, LowestPeak: 110}); !busy.Busy() || (&Peaks{PeakGFlops: 200, LowestPeak: 195}).Busy() {
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
		"peak_rss_bytes", "decode_tokens_per_second", "prompt_tokens_per_second", "decode_bytes_per_second", "batch_decode_tokens_per_second", "batch_decode_sequences", "read_bytes_per_second"} {
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
		pass, err := fits(c, 512, 128, x.have)
		var memory *cost.MemoryError
		if pass.Recompute != x.recompute || errors.As(err, &memory) != x.fails {
			t.Errorf("%.0e bytes: recompute %v, %v", float64(x.have), pass.Recompute, err)
		}
	}
}
