package nn

import (
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
	"github.com/stablelora/stablelora/internal/vec"
)

// decode is Forward for the next token of each of some sequences.
func (l *Linear) decode(y, x tensor.Matrix, c *LinearCache) {
	tensor.Dots(y, x, l.W)
	if l.Bias != nil {
		for i := range y.Rows {
			vec.Add(y.Row(i), l.Bias)
		}
	}
	if l.LoRA != nil {
		tensor.MatDots(c.h, x, l.LoRA.A.Value, false)
		c.h.Scale(l.LoRA.Scale)
		tensor.MatDots(y, c.h, l.LoRA.B.Value, true)
	}
}

// Next is Logits for the next token of each of some sequences.
func (h *Head) Next(y, x tensor.Matrix) { tensor.Dots(y, x, h.W) }

// Decode writes o (N, H·K) for the newest position of each of N sequences, from
// their queries q (N, H·K). Keys and values are read where they lie.
func (t *Attention) Decode(o, q tensor.Matrix, kv []KeyValues) {
	group := t.Heads / t.KVHeads
	pieces := min(group, ceilDiv(parallel.Threads(), q.Rows*t.KVHeads)) // of a group's query heads
	size := ceilDiv(group, pieces)
	parallel.For(q.Rows*t.KVHeads*pieces, func(i int) {
		e, g, lo := i/pieces/t.KVHeads, i/pieces%t.KVHeads, i%pieces*size
		if heads := min(size, group-lo); heads > 0 {
			t.decodeHeads(o.RowRange(e, e+1), q.RowRange(e, e+1), kv[e].K[g], kv[e].V[g], g*group+lo, heads)
		}
	})
}

// decodeHeads computes some heads of one query (1, H·K), from h on, which share
// the keys and values k and v (L, K).
func (t *Attention) decodeHeads(o, q, k, v tensor.Matrix, h, heads int) {
	buf := t.scratch()
	defer t.release(buf)
	p := matrix(&buf.p, heads, k.Rows)
	tensor.MatDots(p, t.rows(q, h, heads), k, false)
	for i := range heads {
		vec.Softmax(p.Row(i), t.scale())
	}
	tensor.MatMulRows(t.rows(o, h, heads), p, v)
}

// rows views heads of one position (1, H·K) as rows (heads, K).
func (t *Attention) rows(x tensor.Matrix, h, heads int) tensor.Matrix {
	return tensor.FromSlice(heads, t.Width, x.Data[h*t.Width:(h+heads)*t.Width])
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
