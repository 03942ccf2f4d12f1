package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/bench"
	"github.com/stablelora/stablelora/internal/cost"
)

func TestPrintBench(t *testing.T) {
	var out bytes.Buffer
	err := printBench(&env{out: &out}, &bench.Result{
		Preset: "qwen2-0.5b", Compute: "fp32", Kernel: "avx2", Threads: 2, Tokens: 512, SupervisedTokens: 128, Steps: 3,
		Recompute: true, StepSeconds: 5, TokensPerSecond: 102.4, GFlops: 160, Peaks: bench.Peaks{PeakGFlops: 200}, FractionOfPeak: 0.8,
		PromptSpeed: 237.7, DecodeSpeed: 9.8, DecodeRead: 9.7e9, ReadSpeed: 28.9e9, BatchSequences: 8, BatchSpeed: 81.5, PeakRSS: 1.85e9,
		Parts: []bench.Part{{Name: "linear forward", Seconds: 4, GFlops: 170}, {Name: "optimizer", Seconds: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `preset  qwen2-0.5b, compute fp32, kernel avx2, 2 threads
step    512 tokens, 128 of them supervised: 5.00 s, 102.4 tokens/s (median of 3)
speed   160.0 GFLOP/s of needed work, 0.80 of the peak of 200.0
prompt  237.7 tokens/s
decode  9.8 tokens/s, 9.7 GB/s of weights; this machine reads 28.9 GB/s
batch   81.5 tokens/s decoding 8 sequences at a time
memory  1.85 GB at its peak, with activations computed again in the backward pass

where a step's time goes
  linear forward    4.000 s   80.0 %   170.0 GFLOP/s
  optimizer         1.000 s   20.0 %
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}

func TestMemoryExitCode(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", &cost.MemoryError{Need: 9e9, Have: 1e9})
	if code := exitCode(err); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
}
