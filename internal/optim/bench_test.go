package optim

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stablelora/stablelora/internal/tensor"
)

// BenchmarkStep takes one step of every optimizer on the factors of Qwen2-0.5B:
// r = 8 on q_proj (896 to 896) and v_proj (896 to 128) of 24 blocks, 540,672
// parameters.
func BenchmarkStep(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			var pairs []Pair
			for i := range 24 {
				for module, out := range map[string]int{"q_proj": 896, "v_proj": 128} {
					p := Pair{fmt.Sprintf("layers.%d.%s", i, module), tensor.NewParam("A", 8, 896), tensor.NewParam("B", out, 8)}
					fill(p.A.Value, r, 0.02)
					fill(p.B.Value, r, 0.001)
					pairs = append(pairs, p)
				}
			}
			o, err := New(name, pairs, hyper)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for _, p := range pairs { // some optimizers overwrite them
					fill(p.A.Grad, r, 0.001)
					fill(p.B.Grad, r, 0.001)
				}
				b.StartTimer()
				o.Step(1e-6)
			}
		})
	}
}
