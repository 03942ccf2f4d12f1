package stability

import (
	"fmt"
	"os"
	"testing"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/metrics"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/tensor"
)

func TestMain(m *testing.M) {
	if _, err := blas.Install(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// BenchmarkMonitor watches one step on the factors of Qwen2-0.5B: r = 8 on
// q_proj (896 to 896) and v_proj (896 to 128) of 24 blocks. "norms" is what every
// step costs, "terms" a step that measures δ1 to δ3 too, "rows" writing a step's
// rows.
func BenchmarkMonitor(b *testing.B) {
	var pairs []optim.Pair
	var layers []*nn.Linear
	for i := range 24 {
		for _, out := range []int{896, 128} {
			p := optim.Pair{Name: fmt.Sprintf("model.layers.%d.self_attn.%d", i, out), A: tensor.NewParam("A", 8, 896), B: tensor.NewParam("B", out, 8)}
			probe := tensor.New(probeRows, 896)
			for _, x := range []tensor.Matrix{p.A.Value, p.B.Value, probe} {
				for j := range x.Data {
					x.Data[j] = float32(j%7-3) / 100
				}
			}
			pairs = append(pairs, p)
			layers = append(layers, &nn.Linear{LoRA: &nn.LoRA{A: p.A, B: p.B, Scale: 2, Probe: probe}})
		}
	}
	o, err := optim.New("adamw", pairs, optim.Hyper{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8})
	if err != nil {
		b.Fatal(err)
	}
	for name, every := range map[string]int{"norms": 1 << 30, "terms": 1} {
		b.Run(name, func(b *testing.B) {
			m := New(Run{Every: every, Layers: layers, Pairs: pairs, Optimizer: o, Total: 1 << 30, BatchSize: 8})
			for b.Loop() {
				m.Before(0)
				m.After(0)
				m.Warnings(metrics.StepRow{Step: 1, Loss: 1})
			}
		})
	}
	b.Run("rows", func(b *testing.B) {
		m := New(Run{Every: 1, Layers: layers, Pairs: pairs, Optimizer: o, Total: 1 << 30, BatchSize: 8})
		m.Before(0)
		rows := m.After(0)
		log, err := metrics.Open(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		defer log.Close()
		for b.Loop() {
			if err := log.Step(metrics.StepRow{Step: 1}, rows); err != nil {
				b.Fatal(err)
			}
		}
	})
}
