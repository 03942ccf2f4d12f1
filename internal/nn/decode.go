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

// Decode writes o (N, H·K) for the newest place of each of N sequences, from their
// queries q (N, H·K); seen has the places each sequence sees, in one part or
// several. Keys and values are read where they lie.
func (t *Attention) Decode(o, q tensor.Matrix, seen [][]KeyValues) {
	group := t.Heads / t.KVHeads
	pieces := min(group, ceilDiv(parallel.Threads(), q.Rows*t.KVHeads)) // of a group's query heads
	size := ceilDiv(group, pieces)
	parallel.For(q.Rows*t.KVHeads*pieces, func(i int) {
		e, g, lo := i/pieces/t.KVHeads, i/pieces%t.KVHeads, i%pieces*size
		if heads := min(size, group-lo); heads > 0 {
			t.decodeHeads(o.RowRange(e, e+1), q.RowRange(e, e+1), seen[e], g, g*group+lo, heads)
		}
	})
}

// decodeHeads computes some heads of one query (1, H·K), from h on, which share
// the keys and values of group g.
func (t *Attention) decodeHeads(o, q tensor.Matrix, seen []KeyValues, g, h, heads int) {
	buf := t.scratch()
	defer t.release(buf)
	keys := 0
	for _, part := range seen {
		keys += part.K[g].Rows
	}
	p, queries, at := matrix(&buf.p, heads, keys), t.rows(q, h, heads), 0
	for _, part := range seen {
		tensor.MatDots(p.ColRange(at, at+part.K[g].Rows), queries, part.K[g], false)
		at += part.K[g].Rows
	}
	for i := range heads {
		vec.Softmax(p.Row(i), t.scale())
	}
	at = 0
	for _, part := range seen {
		tensor.MatMulRows(t.rows(o, h, heads), p.ColRange(at, at+part.V[g].Rows), part.V[g], at > 0)
		at += part.V[g].Rows
	}
}

// rows views heads of one position (1, H·K) as rows (heads, K).
func (t *Attention) rows(x tensor.Matrix, h, heads int) tensor.Matrix {
	return tensor.FromSlice(heads, t.Width, x.Data[h*t.Width:(h+heads)*t.Width])
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
