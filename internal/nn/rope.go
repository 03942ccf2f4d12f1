package nn

import (
	"math"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
	"github.com/stablelora/stablelora/internal/vec"
)

// RoPE rotates the pairs (i, i+K/2) of each head by the angle
// position·InvFreq[i] (Su et al. 2021, in Hugging Face's half-split order):
//
//	y1 = x1·cos − x2·sin
//	y2 = x2·cos + x1·sin
type RoPE struct {
	InvFreq []float32 // (K/2)
	Scale   float32   // YaRN's attention factor, on cos and sin; else 1

	// Dynamic, where set, gives the frequencies for a sequence of the given
	// length instead of InvFreq (dynamic NTK scaling).
	Dynamic func(length int) []float32

	last   rotation // the latest table
	length int      // it was made for; 0: any it is long enough for
}

// rotation holds cos and sin, both (positions, K/2).
type rotation struct{ cos, sin tensor.Matrix }

// Rotate turns x (T, heads·K), rows of one sequence at the given places, where
// they lie. The sequence has length places in all.
func (r *RoPE) Rotate(x tensor.Matrix, heads int, place func(i int) int, length int) {
	r.apply(x, heads, place, length, 1)
}

// Backward turns the gradient dx back: the transpose of a rotation is the
// rotation by the negative angle.
//
//	dx1 = dy1·cos + dy2·sin
//	dx2 = dy2·cos − dy1·sin
func (r *RoPE) Backward(dx tensor.Matrix, heads int, place func(i int) int, length int) {
	r.apply(dx, heads, place, length, -1)
}

func (r *RoPE) apply(x tensor.Matrix, heads int, place func(i int) int, length int, sign float32) {
	rot := r.table(length)
	half := rot.cos.Cols
	parallel.Range(x.Rows, rowGrain, func(lo, hi int) {
		for t := lo; t < hi; t++ {
			cos, sin, row := rot.cos.Row(place(t)), rot.sin.Row(place(t)), x.Row(t)
			for h := range heads {
				pairs := row[2*h*half : 2*(h+1)*half]
				vec.Rotate(pairs[:half], pairs[half:], cos, sin, sign)
			}
		}
	})
}

// table returns cos and sin for at least length positions.
func (r *RoPE) table(length int) rotation {
	freq, rows, key := r.InvFreq, max(length, 2*r.last.cos.Rows), 0
	if r.Dynamic != nil {
		key, rows = length, length
	}
	if r.last.cos.Rows >= length && r.length == key {
		return r.last
	}
	if r.Dynamic != nil {
		freq = r.Dynamic(length)
	}
	rot := rotation{tensor.New(rows, len(freq)), tensor.New(rows, len(freq))}
	for p := range rows {
		cos, sin := rot.cos.Row(p), rot.sin.Row(p)
		for i, f := range freq {
			// The angle is rounded to float32 first, as transformers does.
			angle := float64(float32(p) * f)
			cos[i] = float32(math.Cos(angle)) * r.Scale
			sin[i] = float32(math.Sin(angle)) * r.Scale
		}
	}
	r.last, r.length = rot, key
	return rot
}
