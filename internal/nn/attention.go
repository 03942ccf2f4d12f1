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
// block of queries. A block holds the same rows of all query heads of a group,
// stacked head by head, so that each key and value is read once for all of them.
// Keys beyond a row's place have P = 0, which leaves a chain of multiply-adds as
// it is, so a row's result does not depend on how queries are blocked.
type Attention struct {
	Heads, KVHeads, Width int // H, G, K
	Compute               tensor.Compute

	mu   sync.Mutex
	free []*attnScratch
}

// attnScratch holds a worker's matrices for one block of R stacked rows.
type attnScratch struct {
	q, o, p, d []float32 // (R, K) twice, (R, keys) twice
}

// blockRows returns how many queries of each head make a block: about 256
// stacked rows. It depends on the model alone, since the order in which dk and
// dv are summed follows the blocks.
func (t *Attention) blockRows() int {
	return min(64, max(16, 256*t.KVHeads/t.Heads&^7))
}

// KeyValues are the positions of one sequence as attention sees them: the keys
// and values (L, K) of each key-value head.
type KeyValues struct{ K, V []tensor.Matrix }

// Forward writes o (M, H·K) for queries q (M, H·K) at the given places of one
// sequence, in increasing order.
func (t *Attention) Forward(o, q tensor.Matrix, kv KeyValues, places func(i int) int) {
	parallel.For(t.blocks(q.Rows)*t.KVHeads, func(i int) {
		g := i % t.KVHeads
		t.forwardBlock(o, q, kv.K[g], kv.V[g], places, i/t.KVHeads, g)
	})
}

// ForwardPass is Forward for every sequence: q and o have the rows of the pass
// queries, k and v (N, G·K) those of keys.
func (t *Attention) ForwardPass(o, q, k, v tensor.Matrix, queries, keys *Pass) {
	n := 0
	for e := range queries.Sequences() {
		n += t.blocks(queries.Sequence(q, e).Rows)
	}
	parallel.For(n*t.KVHeads, func(i int) {
		block, e := i/t.KVHeads, 0
		for block >= t.blocks(queries.Sequence(q, e).Rows) {
			block -= t.blocks(queries.Sequence(q, e).Rows)
			e++
		}
		g := i % t.KVHeads
		t.forwardBlock(queries.Sequence(o, e), queries.Sequence(q, e), t.head(keys.Sequence(k, e), g), t.head(keys.Sequence(v, e), g),
			queries.PlacesOf(e), block, g)
	})
}

// BackwardPass writes dq, dk and dv from do and the forward pass's q, k and v.
//
//	dv = Pᵀ·do   dP = do·vᵀ   dS = P ⊙ (dP − rowsum(dP ⊙ P))
//	dq = dS·k/√K   dk = dSᵀ·q/√K
//
// dk and dv are summed over blocks of queries and, within a block, over the
// query heads of the group, in order. dk with no rows leaves it out.
func (t *Attention) BackwardPass(dq, dk, dv, do, q, k, v tensor.Matrix, queries, keys *Pass) {
	group := func(i int) {
		e, g := i/t.KVHeads, i%t.KVHeads
		dkg := dk
		if dk.Rows > 0 {
			dkg = t.head(keys.Sequence(dk, e), g)
		}
		t.backwardGroup(queries.Sequence(dq, e), dkg, t.head(keys.Sequence(dv, e), g),
			queries.Sequence(do, e), queries.Sequence(q, e), t.head(keys.Sequence(k, e), g), t.head(keys.Sequence(v, e), g),
			queries.PlacesOf(e), g)
	}
	n := keys.Sequences() * t.KVHeads
	if n >= parallel.Threads() {
		parallel.For(n, group)
		return
	}
	for i := range n { // the products within a group are spread over the workers
		group(i)
	}
}

// blocks is how many blocks a number of queries makes.
func (t *Attention) blocks(rows int) int { return ceilDiv(rows, t.blockRows()) }

// forwardBlock computes one block of the query heads of group g, whose keys and
// values are k and v.
func (t *Attention) forwardBlock(o, q, k, v tensor.Matrix, place func(int) int, block, g int) {
	lo := block * t.blockRows()
	hi := min(lo+t.blockRows(), q.Rows)
	buf := t.scratch()
	defer t.release(buf)
	keys := place(hi-1) + 1
	qs := t.stack(&buf.q, q, lo, hi, g)
	os, p := matrix(&buf.o, qs.Rows, t.Width), matrix(&buf.p, qs.Rows, keys)
	t.probabilities(p, qs, k.RowRange(0, keys), place, lo, hi)
	t.Compute.MatMul(os, p, v.RowRange(0, keys), false)
	t.unstack(o, os, lo, hi, g)
}

// backwardGroup computes the query heads of group g of one sequence; dk, dv, k
// and v are that group's columns.
func (t *Attention) backwardGroup(dq, dk, dv, do, q, k, v tensor.Matrix, place func(int) int, g int) {
	buf := t.scratch()
	defer t.release(buf)
	dk.Zero()
	dv.Zero()
	for lo := 0; lo < q.Rows; lo += t.blockRows() {
		hi := min(lo+t.blockRows(), q.Rows)
		keys := place(hi-1) + 1
		kb, vb := k.RowRange(0, keys), v.RowRange(0, keys)
		qs, dos := t.stack(&buf.q, q, lo, hi, g), t.stack(&buf.o, do, lo, hi, g)
		p, d := matrix(&buf.p, qs.Rows, keys), matrix(&buf.d, qs.Rows, keys)
		t.probabilities(p, qs, kb, place, lo, hi)
		t.Compute.TMatMul(dv.RowRange(0, keys), p, dos, true)
		t.Compute.MatMulT(d, dos, vb, false)
		scale := t.scale()
		parallel.Range(d.Rows, rowGrain, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				vec.SoftmaxBackward(d.Row(i), p.Row(i), scale)
			}
		})
		if dk.Rows > 0 {
			t.Compute.TMatMul(dk.RowRange(0, keys), d, qs, true)
		}
		t.Compute.MatMul(dos, d, kb, false) // dq, in the place of do
		t.unstack(dq, dos, lo, hi, g)
	}
}

// probabilities writes the causal softmax of the scaled scores of the stacked
// queries q (R, K) of rows lo to hi-1 against k (keys, K) to p (R, keys).
func (t *Attention) probabilities(p, q, k tensor.Matrix, place func(int) int, lo, hi int) {
	t.Compute.MatMulT(p, q, k, false)
	scale := t.scale()
	parallel.Range(p.Rows, rowGrain, func(from, to int) {
		for i := from; i < to; i++ {
			row, seen := p.Row(i), place(lo+i%(hi-lo))+1
			vec.Softmax(row[:seen], scale)
			clear(row[seen:])
		}
	})
}

func (t *Attention) scale() float32 { return float32(1 / math.Sqrt(float64(t.Width))) }

// head views the columns of head h.
func (t *Attention) head(m tensor.Matrix, h int) tensor.Matrix {
	return m.ColRange(h*t.Width, (h+1)*t.Width)
}

// stack copies rows lo to hi-1 of the query heads of group g, head by head.
func (t *Attention) stack(buf *[]float32, m tensor.Matrix, lo, hi, g int) tensor.Matrix {
	heads := t.Heads / t.KVHeads
	s := matrix(buf, heads*(hi-lo), t.Width)
	for h := range heads {
		s.RowRange(h*(hi-lo), (h+1)*(hi-lo)).CopyFrom(t.head(m, g*heads+h).RowRange(lo, hi))
	}
	return s
}

// unstack is the reverse of stack.
func (t *Attention) unstack(m, s tensor.Matrix, lo, hi, g int) {
	heads := t.Heads / t.KVHeads
	for h := range heads {
		t.head(m, g*heads+h).RowRange(lo, hi).CopyFrom(s.RowRange(h*(hi-lo), (h+1)*(hi-lo)))
	}
}

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

// matrix views *buf as rows x cols, growing it where needed. Rows begin an odd
// number of cache lines apart: at a power of two they would fall into the same
// few places of the first-level cache.
func matrix(buf *[]float32, rows, cols int) tensor.Matrix {
	stride := (cols+31)/32*32 + 16
	if n := rows * stride; cap(*buf) < n {
		*buf = make([]float32, n+n/2)
	}
	return tensor.Matrix{Rows: rows, Cols: cols, Stride: stride, Data: (*buf)[:rows*stride]}
}
