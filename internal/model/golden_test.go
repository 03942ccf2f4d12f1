package model_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stablelora/stablelora/internal/golden"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/peft"
)

// Tolerances: PyTorch sums a product of K terms in another order, each order
// with an error of about √K·6e-8 of the terms' size; logits here are about 10.
const (
	logitTolerance    = 5e-5
	lossTolerance     = 1e-5
	gradientTolerance = 1e-4 // relative, Frobenius norm of a tensor
)

// packed lays the rows of a padded batch end to end. labels[t] is predicted by
// row t-1.
func packed(g *golden.File, prefix string) (b *model.Batch, at [][2]int) {
	ids, labels, mask := g.Ints(prefix+"input_ids"), g.Ints(prefix+"labels"), g.Ints(prefix+"attention_mask")
	return packedRows(ids, labels, mask, g.Shape(prefix + "input_ids")[1])
}

func packedRows(ids, labels, mask []int, width int) (b *model.Batch, at [][2]int) {
	b = &model.Batch{Pass: nn.Pass{Starts: []int{0}}}
	for row := range len(ids) / width {
		for t := range width {
			i := row*width + t
			if mask[i] == 0 {
				break
			}
			if t > 0 && labels[i] != -100 {
				b.Rows = append(b.Rows, len(b.Tokens)-1)
				b.Targets = append(b.Targets, int32(labels[i]))
			}
			at = append(at, [2]int{row, t})
			b.Tokens = append(b.Tokens, int32(ids[i]))
		}
		b.Starts = append(b.Starts, len(b.Tokens))
	}
	return b, at
}

func mean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}

// checkForward compares logits and loss of a batch.
func checkForward(t *testing.T, m *model.Decoder, g *golden.File, prefix string) {
	t.Helper()
	b, at := packed(g, prefix)
	all := *b
	all.Rows = make([]int, len(at))
	for i := range at {
		all.Rows[i] = i
	}
	shape, want := g.Shape(prefix+"logits"), g.Floats(prefix+"logits")
	logits := m.Logits(&all)
	width := g.Shape(prefix + "input_ids")[1]
	skip := width - shape[1] // some fixtures hold the last positions only
	worst := 0.0
	for i, rt := range at {
		if rt[1] < skip {
			continue
		}
		off := (rt[0]*shape[1] + rt[1] - skip) * shape[2]
		worst = math.Max(worst, golden.MaxError(logits.Row(i), want[off:off+shape[2]]))
	}
	t.Logf("%slogits: largest difference %.2g", prefix, worst)
	if !(worst <= logitTolerance) {
		t.Errorf("%slogits differ by %g", prefix, worst)
	}
	if len(b.Rows) > 0 {
		if got, want := mean(m.Losses(b)), g.Floats(prefix + "loss")[0]; !(math.Abs(got-want) <= lossTolerance) {
			t.Errorf("%sloss %v, want %v", prefix, got, want)
		}
	}
}

// checkGradients compares the gradient of every LoRA factor.
func checkGradients(t *testing.T, m *model.Decoder, a *peft.Adapter, g *golden.File) {
	t.Helper()
	for _, recompute := range []bool{false, true} {
		m.Recompute = recompute
		b, _ := packed(g, "")
		losses := m.LossAndGradient(b, 1/float64(len(b.Rows)))
		if got, want := mean(losses), g.Floats("loss")[0]; !(math.Abs(got-want) <= lossTolerance) {
			t.Errorf("loss %v, want %v", got, want)
		}
		worst := 0.0
		for _, p := range a.Params() {
			p.Sum.Finish()
			e := golden.RelativeError(p.Grad.Data, g.Floats("grad."+p.Name))
			worst = math.Max(worst, e)
			if !(e <= gradientTolerance) {
				t.Errorf("gradient of %s is off by %.2g of its norm", p.Name, e)
			}
		}
		t.Logf("recompute %v: %d gradients, largest relative error %.2g", recompute, len(a.Params()), worst)
	}
}

func open(t *testing.T, dir, adapter string) (*model.Decoder, *peft.Adapter) {
	t.Helper()
	m, err := model.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	if adapter == "" {
		return m, nil
	}
	a, err := peft.Load(adapter, peft.Modules(m))
	if err != nil {
		t.Fatal(err)
	}
	a.Attach(m)
	return m, a
}

// The folders of testdata are made by scripts/golden/model.py.
func TestGolden(t *testing.T) {
	for _, name := range []string{"qwen2", "llama3", "qwen3-yarn", "llama-dynamic"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", name)
			m, a := open(t, dir, dir)
			g := golden.Open(t, filepath.Join(dir, "golden.safetensors"))
			checkForward(t, m, g, "")
			checkGradients(t, m, a, g)
		})
	}
}

func TestSharedForward(t *testing.T) {
	for _, name := range []string{"qwen2-tiny", "llama3-tiny", "llama-untied-sharded", "llama-f16", "qwen3-tiny"} {
		t.Run(name, func(t *testing.T) {
			m, _ := open(t, golden.Shared(t, "fixtures", "models", name), "")
			g := golden.Open(t, golden.Shared(t, "fixtures", "forward", name+".safetensors"))
			for _, prefix := range []string{"nopad.", "pad.", "long."} {
				if g.Has(prefix + "input_ids") {
					checkForward(t, m, g, prefix)
				}
			}
		})
	}
}

func TestSharedGradients(t *testing.T) {
	for adapter, name := range map[string]string{
		"f16-patterns": "llama-f16", "llama3-qv": "llama3-tiny", "qwen2-all7": "qwen2-tiny",
		"qwen3-qkvo": "qwen3-tiny", "untied-rslora": "llama-untied-sharded",
	} {
		t.Run(adapter, func(t *testing.T) {
			m, a := open(t, golden.Shared(t, "fixtures", "models", name), golden.Shared(t, "fixtures", "adapters", adapter))
			g := golden.Open(t, golden.Shared(t, "fixtures", "grads", adapter+".safetensors"))
			checkForward(t, m, g, "")
			checkGradients(t, m, a, g)
		})
	}
}
