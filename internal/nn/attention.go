package nn

import (
	"math"
	"sync"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
	"github.com/stablelora/stablelora/internal/vec"
)

// Attention is causal grouped-query attention (Vaswani et al. 2017, Ainslie et
// al. 2023): query head h reads key-value head h / (Heads/KVHeads).
//
//	S = q·kᵀ/√K   P = softmax(S, causal)   o = P·v
//
// P is never kept: the backward pass computes it again, block of queries by
// block of queries. Keys beyond the causal limit of a block's row have P = 0,
// which leaves a chain of multiply-adds as it is, so a row's result does not
// depend on how queries are blocked.
type Attention struct {
	Heads, KVHeads, Width int // H, G, K

	mu   sync.Mutex
	free []*attnScratch
}

// queryBlock is how many queries are scored at a time.
const queryBlock = 64

type attnScratch struct{ s, d []float32 }

// Forward writes o (T, H·K) for the last T positions of one sequence: q is
// (T, H·K), k and v are (L, G·K) with all L >= T positions.
func (t *Attention) Forward(o, q, k, v tensor.Matrix) {
	parallel.For(t.KVHeads, func(g int) { t.forwardGroup(o, q, k, v, g) })
}

// ForwardPass is Forward for every sequence of a pass.
func (t *Attention) ForwardPass(o, q, k, v tensor.Matrix, p *Pass) {
	parallel.For(p.Sequences()*t.KVHeads, func(i int) {
		e, g := i/t.KVHeads, i%t.KVHeads
		t.forwardGroup(p.sequence(o, e), p.sequence(q, e), p.sequence(k, e), p.sequence(v, e), g)
	})
}

// BackwardPass writes dq, dk and dv from do and the forward pass's q, k and v.
//
//	dv = Pᵀ·do   dP = do·vᵀ   dS = P ⊙ (dP − rowsum(dP ⊙ P))
//	dq = dS·k/√K   dk = dSᵀ·q/√K
//
// dk and dv are summed over the query heads of a group, in order.
func (t *Attention) BackwardPass(dq, dk, dv, do, q, k, v tensor.Matrix, p *Pass) {
	parallel.For(p.Sequences()*t.KVHeads, func(i int) {
		e, g := i/t.KVHeads, i%t.KVHeads
		seq := func(m tensor.Matrix) tensor.Matrix { return p.sequence(m, e) }
		t.backwardGroup(seq(dq), seq(dk), seq(dv), seq(do), seq(q), seq(k), seq(v), g)
	})
}

func (t *Attention) forwardGroup(o, q, k, v tensor.Matrix, g int) {
	buf := t.scratch()
	defer t.release(buf)
	kg, vg := t.head(k, g), t.head(v, g)
	past := k.Rows - q.Rows
	for h := t.firstQuery(g); h < t.firstQuery(g+1); h++ {
		qh, oh := t.head(q, h), t.head(o, h)
		for lo := 0; lo < q.Rows; lo += queryBlock {
			hi := min(lo+queryBlock, q.Rows)
			end := past + hi
			s := matrix(&buf.s, hi-lo, end)
			t.probabilities(s, qh.RowRange(lo, hi), kg.RowRange(0, end), past+lo)
			tensor.MatMul(oh.RowRange(lo, hi), s, vg.RowRange(0, end), false)
		}
	}
}

func (t *Attention) backwardGroup(dq, dk, dv, do, q, k, v tensor.Matrix, g int) {
	buf := t.scratch()
	defer t.release(buf)
	kg, vg, dkg, dvg := t.head(k, g), t.head(v, g), t.head(dk, g), t.head(dv, g)
	dkg.Zero()
	dvg.Zero()
	scale := t.scale()
	for h := t.firstQuery(g); h < t.firstQuery(g+1); h++ {
		qh, doh, dqh := t.head(q, h), t.head(do, h), t.head(dq, h)
		for lo := 0; lo < q.Rows; lo += queryBlock {
			hi := min(lo+queryBlock, q.Rows)
			p, d := matrix(&buf.s, hi-lo, hi), matrix(&buf.d, hi-lo, hi)
			qb, dob := qh.RowRange(lo, hi), doh.RowRange(lo, hi)
			kb, vb := kg.RowRange(0, hi), vg.RowRange(0, hi)
			t.probabilities(p, qb, kb, lo)
			tensor.TMatMul(dvg.RowRange(0, hi), p, dob, true)
			tensor.MatMulT(d, dob, vb, false)
			for i := range d.Rows {
				vec.SoftmaxBackward(d.Row(i), p.Row(i), scale)
			}
			tensor.MatMul(dqh.RowRange(lo, hi), d, kb, false)
			tensor.TMatMul(dkg.RowRange(0, hi), d, qb, true)
		}
	}
}

// probabilities writes the causal softmax of the scaled scores of q (rows,
// K) against k (keys, K) to s; row i may see keys 0 to first+i.
func (t *Attention) probabilities(s, q, k tensor.Matrix, first int) {
	tensor.MatMulT(s, q, k, false)
	scale := t.scale()
	for i := range s.Rows {
		row := s.Row(i)
		vec.Softmax(row[:first+i+1], scale)
		clear(row[first+i+1:])
	}
}

func (t *Attention) scale() float32 { return float32(1 / math.Sqrt(float64(t.Width))) }

func (t *Attention) head(m tensor.Matrix, h int) tensor.Matrix {
	return m.ColRange(h*t.Width, (h+1)*t.Width)
}

func (t *Attention) firstQuery(g int) int { return g * (t.Heads / t.KVHeads) }

func (t *Attention) scratch() *attnScratch {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.free); n > 0 {
		s := t.free[n-1]
		t.free = t.free[:n-1]
		return s
	}
	return &attnScratch{}
}

func (t *Attention) release(s *attnScratch) {
	t.mu.Lock()
	t.free = append(t.free, s)
	t.mu.Unlock()
}

// matrix views *buf as rows x cols, growing it where needed.
func matrix(buf *[]float32, rows, cols int) tensor.Matrix {
	if n := rows * cols; cap(*buf) < n {
		*buf = make([]float32, n+n/2)
	}
	return tensor.FromSlice(rows, cols, (*buf)[:rows*cols])
}
