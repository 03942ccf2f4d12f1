package cost

import (
	"errors"
	"testing"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/preset"
)

// qwen is a step of one sequence of 512 tokens on Qwen2-0.5B.
func qwen() Sizes {
	c, _ := preset.Config("qwen2-0.5b")
	return Sizes{Config: c, WeightBytes: 988065536, BatchSize: 1, Threads: 2,
		Pass: model.PassSize{Rows: 511, Asked: 128, Ranks: adapted(c.Layers, 8, model.Q, model.V)}}
}

func TestMemory(t *testing.T) {
	m := qwen().Memory(false)
	const factors = 4 * 540672
	if m.Weights != 988065536 || m.Factors != 2*factors || m.Gradients != factors || m.Moments != 2*factors || m.Sums != factors {
		t.Errorf("%+v", m)
	}
	if sum := m.Weights + m.Activations + m.Working + m.Factors + m.Gradients + m.Moments + m.Sums + m.Packing + m.Program; sum != m.Total() {
		t.Errorf("the parts add up to %d, in all %d", sum, m.Total())
	}
	again := qwen().Memory(true)
	if again.Activations > m.Activations/10 || again.Total() >= m.Total() || again.Adapter() != m.Adapter() {
		t.Errorf("recomputed: %+v", again)
	}
	// A level of the tree for each doubling of the batch.
	s := qwen()
	for batch, levels := range map[int]uint64{1: 1, 2: 2, 3: 2, 4: 3, 16: 5, 17: 5} {
		if s.BatchSize = batch; s.Memory(true).Sums != levels*factors {
			t.Errorf("batch of %d: %d bytes of sums", batch, s.Memory(true).Sums)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, x := range []struct {
		setting          string
		have             uint64
		recompute, fails bool
	}{
		{"auto", 0, false, false}, {"auto", 16e9, false, false}, {"auto", 2e9, true, false}, {"auto", 1e9, true, true},
		{"never", 2e9, false, false}, {"never", 1.5e9, false, true}, {"always", 16e9, true, false}, {"always", 0, true, false},
	} {
		recompute, m, err := qwen().Choose(x.setting, x.have)
		var short *MemoryError
		if recompute != x.recompute || errors.As(err, &short) != x.fails || m != qwen().Memory(recompute) {
			t.Errorf("%s with %.1e bytes: recompute %v, %v", x.setting, float64(x.have), recompute, err)
		}
	}
}
