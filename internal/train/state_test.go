package train

import (
	"encoding/json"
	"testing"

	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/stability"
	"github.com/stablelora/stablelora/internal/tensor"
)

// FuzzState: a state.json is refused, or training goes on from it.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"step":3,"optimizer":{"optimizer":"stable_lora","step":3,"stopped_at":{"m":2}},"stability":{"norm_a":[1],"norm_b":[2],
		"loss":{"last":[1,2,3],"steps":3,"start":1},"first_ratio":{"step":1,"value":2}}}`))
	f.Add([]byte(`{"optimizer":{"optimizer":"stable_lora","stopped_at":{"m":0}},"stability":{"norm_a":[0],"norm_b":[0],"loss":{"steps":0}}}`))
	hyper := optim.Hyper{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, ShrinkRatio: 0.01, StopCondition: true}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s state
		if json.Unmarshal(raw, &s) != nil {
			return
		}
		pairs := []optim.Pair{{Name: "m", A: tensor.NewParam("a", 2, 3), B: tensor.NewParam("b", 4, 2)}}
		o, err := optim.New("stable_lora", pairs, hyper)
		if err != nil {
			t.Fatal(err)
		}
		if o.Restore(s.Optimizer) != nil {
			return
		}
		m := stability.New(stability.Run{Pairs: pairs, Optimizer: o, Hyper: hyper, Every: 1 << 20, Total: 100, BatchSize: 4})
		if m.Restore(s.Stability) != nil {
			return
		}
		m.Before(s.Step & 0xffff)
		o.Step(0.1)
		m.After(s.Step & 0xffff)
		m.Warnings(metrics.StepRow{Step: s.Step, Loss: 1})
		m.Outcome()
	})
}
