package model_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stablelora/stablelora/internal/golden"
	"github.com/stablelora/stablelora/internal/peft"
)

// What the backward pass leaves out below the lowest adapted layer is of no
// use: each module alone gets the same gradient bits as beside neighbours that
// change nothing (B = 0).
func TestSkippedWork(t *testing.T) {
	dir := filepath.Join("testdata", "qwen3-yarn")
	g := golden.Open(t, filepath.Join(dir, "golden.safetensors"))
	b, _ := packed(g, "")
	m, all := open(t, dir, dir)
	for i := range all.Pairs {
		kept := &all.Pairs[i]
		gradients := func() string {
			m.LossAndGradient(b, 1/float64(len(b.Rows)))
			kept.A.Sum.Finish()
			kept.B.Sum.Finish()
			return fmt.Sprint(kept.A.Grad.Data, kept.B.Grad.Data)
		}
		saved := make([][]float32, len(all.Pairs))
		for j, p := range all.Pairs {
			if j != i {
				saved[j] = append([]float32{}, p.B.Value.Data...)
				p.B.Value.Zero()
			}
		}
		all.Attach(m)
		want := gradients()
		(&peft.Adapter{Spec: all.Spec, Pairs: all.Pairs[i : i+1]}).Attach(m)
		if got := gradients(); got != want {
			t.Errorf("%s alone gets another gradient", kept.Module)
		}
		for j, p := range all.Pairs {
			if j != i {
				copy(p.B.Value.Data, saved[j])
				p.A.Sum.Finish()
				p.B.Sum.Finish()
			}
		}
	}
}
