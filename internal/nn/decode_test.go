package nn

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
)

// In a decoding pass a layer computes what it does in another one, summed in
// another order, and a row does not depend on the others.
func TestLinearDecode(t *testing.T) {
	for _, r := range []int{0, 3, 16} {
		l := &Linear{Name: "l", W: frozen("w", 21, 50), Bias: random("b", 1, 21).Data}
		if r > 0 {
			o := &LoRA{A: tensor.NewParam("A", r, 50), B: tensor.NewParam("B", 21, r), Scale: 0.5}
			o.A.Value.CopyFrom(random("A", r, 50))
			o.B.Value.CopyFrom(random("B", 21, r))
			l.Attach(o)
		}
		var a tensor.Arena
		x := random("x", 5, 50)
		forward := func(x tensor.Matrix, p *Pass) tensor.Matrix {
			y := tensor.New(x.Rows, 21)
			l.Forward(y, x, l.NewCache(x.Rows, &a), p, &a)
			return y
		}
		want, got := forward(x, pass(5)), forward(x, &Pass{Decode: true, Starts: []int{0, 1, 2, 3, 4, 5}})
		for i := range 5 {
			for j, w := range want.Row(i) {
				if g := got.Row(i)[j]; math.Abs(float64(g-w)) > 3e-5 {
					t.Errorf("rank %d: y[%d][%d] = %v, want %v", r, i, j, g, w)
				}
			}
			alone := forward(x.RowRange(i, i+1), &Pass{Decode: true, Starts: []int{0, 1}})
			if !slices.Equal(alone.Row(0), got.Row(i)) {
				t.Errorf("rank %d: row %d differs from the row alone", r, i)
			}
		}
	}
	h := Head{W: frozen("head", 30, 50)}
	x, want, got := random("x", 2, 50), tensor.New(2, 30), tensor.New(2, 30)
	h.Logits(want, x)
	h.Next(got, x)
	for j, w := range want.Row(1) {
		if g := got.Row(1)[j]; math.Abs(float64(g-w)) > 1e-5 {
			t.Errorf("logit %d = %v, want %v", j, g, w)
		}
	}
}

// One query of each of some sequences, on any number of threads.
func TestAttentionDecode(t *testing.T) {
	defer parallel.SetThreads(parallel.Threads())
	for _, c := range []struct{ heads, kv, width int }{{1, 1, 2}, {6, 2, 16}, {7, 1, 6}, {4, 4, 32}} {
		att := &Attention{Heads: c.heads, KVHeads: c.kv, Width: c.width}
		lengths := []int{1, 130, 37}
		q := random("q", len(lengths), c.heads*c.width)
		var kv []KeyValues
		var seen, parts [][]KeyValues
		for e, n := range lengths {
			kv = append(kv, keyValues(fmt.Sprint(e), n, c.kv, c.width))
			seen, parts = append(seen, kv[e:e+1]), append(parts, cut(kv[e], n/3, n/3+n/2))
		}
		var first []float32
		for threads := 1; threads <= 8; threads++ {
			parallel.SetThreads(threads)
			o := tensor.New(q.Rows, q.Cols)
			att.Decode(o, q, seen)
			if threads == 1 {
				first = o.Data
			} else if !slices.Equal(o.Data, first) {
				t.Errorf("%+v: other bits on %d threads", c, threads)
			}
			att.Decode(o, q, parts)
			if !slices.Equal(o.Data, first) {
				t.Errorf("%+v: other bits with the keys in parts", c)
			}
		}
		for e := range lengths {
			want := naiveAttention(q.RowRange(e, e+1), joined(kv[e].K), joined(kv[e].V), c.heads, c.kv, c.width)
			for j, w := range want.Row(0) {
				if g := first[e*q.Cols+j]; math.Abs(float64(g-w)) > 3e-6 {
					t.Fatalf("%+v sequence %d: o[%d] = %v, want %v", c, e, j, g, w)
				}
			}
		}
	}
}
