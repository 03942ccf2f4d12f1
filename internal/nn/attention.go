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
	k, v       []float32 // (keys, K) twice, where they are joined
}

// blockRows returns how many queries of each head make a block: about 256
// stacked rows. It depends on the model alone, since the order in which dk and
// dv are summed follows the blocks.
func (t *Attention) blockRows() int {
	return min(64, max(16, 256*t.KVHeads/t.Heads&^7))
}

// KeyValues are places of a sequence that follow one another as attention sees
// them: the keys and values (L, K) of each key-value head.
type KeyValues struct{ K, V []tensor.Matrix }

// Split views keys and values (L, G·K) by head.
func (t *Attention) Split(k, v tensor.Matrix) KeyValues {
	kv := KeyValues{make([]tensor.Matrix, t.KVHeads), make([]tensor.Matrix, t.KVHeads)}
	for g := range t.KVHeads {
		kv.K[g], kv.V[g] = t.head(k, g), t.head(v, g)
	}
	return kv
}

// Forward writes o (M, H·K) for the queries q (M, H·K) of a pass, of each sequence
// in increasing order of their places. seen has the places each sequence sees,
// from 0 on, in one part or several; where they are cut does not show.
func (t *Attention) Forward(o, q tensor.Matrix, seen [][]KeyValues, queries *Pass) {
	type block struct{ e, number int }
	var blocks []block
	for e := range queries.Sequences() {
		for i := range t.blocks(queries.Sequence(q, e).Rows) {
			blocks = append(blocks, block{e, i})
		}
	}
	parallel.For(len(blocks)*t.KVHeads, func(i int) {
		b, g := blocks[i/t.KVHeads], i%t.KVHeads
		t.forwardBlock(queries.Sequence(o, b.e), queries.Sequence(q, b.e), seen[b.e], queries.PlacesOf(b.e), b.number, g)
	})
}

// ForwardPass is Forward where sequences see their own rows only: q and o have the
// rows of the pass queries, k and v (N, G·K) those of keys.
func (t *Attention) ForwardPass(o, q, k, v tensor.Matrix, queries, keys *Pass) {
	seen := make([][]KeyValues, keys.Sequences())
	for e := range seen {
		seen[e] = []KeyValues{t.Split(keys.Sequence(k, e), keys.Sequence(v, e))}
	}
	t.Forward(o, q, seen, queries)
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

// forwardBlock computes one block of the query heads of group g.
func (t *Attention) forwardBlock(o, q tensor.Matrix, seen []KeyValues, place func(int) int, block, g int) {
	lo := block * t.blockRows()
	hi := min(lo+t.blockRows(), q.Rows)
	buf := t.scratch()
	defer t.release(buf)
	keys := place(hi-1) + 1
	qs := t.stack(&buf.q, q, lo, hi, g)
	os, p := matrix(&buf.o, qs.Rows, t.Width), matrix(&buf.p, qs.Rows, keys)
	k, v := t.join(buf, seen, keys, g)
	t.probabilities(p, qs, k, place, lo, hi)
	t.Compute.MatMul(os, p, v, false)
	t.unstack(o, os, lo, hi, g)
}

// join returns the first n keys and values (n, K) of group g as one matrix each,
// which products need: in bfloat16 two keys make a step of their chains.
func (t *Attention) join(buf *attnScratch, seen []KeyValues, n, g int) (k, v tensor.Matrix) {
	if first := seen[0]; first.K[g].Rows >= n {
		return first.K[g].RowRange(0, n), first.V[g].RowRange(0, n)
	}
	k, v = matrix(&buf.k, n, t.Width), matrix(&buf.v, n, t.Width)
	at := 0
	for _, part := range seen {
		rows := min(part.K[g].Rows, n-at)
		k.RowRange(at, at+rows).CopyFrom(part.K[g].RowRange(0, rows))
		v.RowRange(at, at+rows).CopyFrom(part.V[g].RowRange(0, rows))
		at += rows
	}
	return k, v
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
