package nn

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stablelora/stablelora/internal/tensor"
)

// naiveAttention is the definition in float64 for one sequence.
func naiveAttention(q, k, v tensor.Matrix, heads, kvHeads, width int) tensor.Matrix {
	o := tensor.New(q.Rows, q.Cols)
	past := k.Rows - q.Rows
	for h := range heads {
		g := h / (heads / kvHeads)
		for i := range q.Rows {
			w, sum := make([]float64, past+i+1), 0.0
			for j := range w {
				for c := range width {
					w[j] += float64(q.Row(i)[h*width+c]) * float64(k.Row(j)[g*width+c]) / math.Sqrt(float64(width))
				}
				w[j] = math.Exp(w[j])
				sum += w[j]
			}
			for c := range width {
				var s float64
				for j := range w {
					s += w[j] / sum * float64(v.Row(j)[g*width+c])
				}
				o.Row(i)[h*width+c] = float32(s)
			}
		}
	}
	return o
}

func TestAttention(t *testing.T) {
	for _, c := range []struct {
		heads, kv, width int
		lengths          []int
	}{
		{1, 1, 2, []int{1}},
		{4, 2, 6, []int{5, 1, 9}},
		{3, 3, 4, []int{70, 3}}, // more than one block of queries
		{6, 1, 4, []int{130}},
	} {
		att := &Attention{Heads: c.heads, KVHeads: c.kv, Width: c.width}
		p := pass(c.lengths...)
		n, qc, kc := p.Rows(), c.heads*c.width, c.kv*c.width
		q, k, v, do := random("q", n, qc), random("k", n, kc), random("v", n, kc), random("do", n, qc)
		o := tensor.New(n, qc)
		att.ForwardPass(o, q, k, v, p, p)
		for e := range p.Sequences() {
			want := naiveAttention(p.Sequence(q, e), p.Sequence(k, e), p.Sequence(v, e), c.heads, c.kv, c.width)
			got := p.Sequence(o, e)
			for i := range got.Rows {
				for j, g := range got.Row(i) {
					if math.Abs(float64(g-want.Row(i)[j])) > 3e-6 {
						t.Fatalf("%+v sequence %d: o[%d][%d] = %v, want %v", c, e, i, j, g, want.Row(i)[j])
					}
				}
			}
		}
		dq, dk, dv := tensor.New(n, qc), tensor.New(n, kc), tensor.New(n, kc)
		att.BackwardPass(dq, dk, dv, do, q, k, v, p, p)
		loss := func() float64 { att.ForwardPass(o, q, k, v, p, p); return dot(o, do) }
		checkGradient(t, fmt.Sprintf("%+v q", c), q, dq, loss)
		checkGradient(t, fmt.Sprintf("%+v k", c), k, dk, loss)
		checkGradient(t, fmt.Sprintf("%+v v", c), v, dv, loss)
	}
}

// The last rows of a sequence give the same bits whether the others are
// computed with them or were before: decoding equals prompt processing.
func TestAttentionContinuation(t *testing.T) {
	att := &Attention{Heads: 4, KVHeads: 2, Width: 6}
	q, kv := random("q", 90, 24), keyValues("", 90, 2, 6)
	whole := tensor.New(90, 24)
	att.Forward(whole, q, [][]KeyValues{{kv}}, pass(90))
	for _, from := range []int{1, 63, 64, 89} {
		p := pass(90 - from)
		for i := range p.Rows() {
			p.Places = append(p.Places, from+i)
		}
		for _, seen := range [][]KeyValues{{kv}, cut(kv, from), cut(kv, from/2, from)} {
			tail := tensor.New(p.Rows(), 24)
			att.Forward(tail, q.RowRange(from, 90), [][]KeyValues{seen}, p)
			if !slices.Equal(tail.Data, whole.RowRange(from, 90).Data) {
				t.Errorf("rows from %d on differ, keys in %d parts", from, len(seen))
			}
		}
	}
}

// cut views keys and values in parts, each of which begins at one of the places.
func cut(kv KeyValues, places ...int) (parts []KeyValues) {
	n := kv.K[0].Rows
	for i, lo := range append([]int{0}, places...) {
		hi := append(places, n)[i]
		var part KeyValues
		for g := range kv.K {
			part.K, part.V = append(part.K, kv.K[g].RowRange(lo, hi)), append(part.V, kv.V[g].RowRange(lo, hi))
		}
		parts = append(parts, part)
	}
	return parts
}

// keyValues are random ones of n positions.
func keyValues(name string, n, heads, width int) (kv KeyValues) {
	for g := range heads {
		kv.K = append(kv.K, random(fmt.Sprint("k", name, g), n, width))
		kv.V = append(kv.V, random(fmt.Sprint("v", name, g), n, width))
	}
	return kv
}

// joined lays heads (L, K) side by side, (L, G·K).
func joined(heads []tensor.Matrix) tensor.Matrix {
	width := heads[0].Cols
	m := tensor.New(heads[0].Rows, len(heads)*width)
	for g, h := range heads {
		m.ColRange(g*width, (g+1)*width).CopyFrom(h)
	}
	return m
}
