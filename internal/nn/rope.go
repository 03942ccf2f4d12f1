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

	last rotation // the latest table
}

// rotation holds cos and sin, both (positions, K/2), from position first on. For
// Dynamic frequencies they are those of one length.
type rotation struct {
	cos, sin      tensor.Matrix
	first, length int
}

// Rotate turns x (T, heads·K), rows of one sequence at the given places, the
// first of them lowest, where they lie. The sequence has length places in all.
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
	if x.Rows == 0 {
		return
	}
	rot := r.table(place(0), length)
	half := rot.cos.Cols
	parallel.Range(x.Rows, rowGrain, func(lo, hi int) {
		for t := lo; t < hi; t++ {
			p := place(t) - rot.first
			cos, sin, row := rot.cos.Row(p), rot.sin.Row(p), x.Row(t)
			for h := range heads {
				pairs := row[2*h*half : 2*(h+1)*half]
				vec.Rotate(pairs[:half], pairs[half:], cos, sin, sign)
			}
		}
	})
}

// table returns cos and sin for positions from, …, length-1 at least.
func (r *RoPE) table(from, length int) rotation {
	if r.Dynamic != nil {
		if r.last.first > from || r.last.length != length {
			r.last = r.rotations(r.Dynamic(length), from, length)
		}
		return r.last
	}
	if have := r.last.cos.Rows; have < length {
		r.last = r.rotations(r.InvFreq, 0, max(length, 2*have))
	}
	return r.last
}

func (r *RoPE) rotations(freq []float32, from, length int) rotation {
	rows := length - from
	rot := rotation{tensor.New(rows, len(freq)), tensor.New(rows, len(freq)), from, length}
	for p := range rows {
		cos, sin := rot.cos.Row(p), rot.sin.Row(p)
		for i, f := range freq {
			// The angle is rounded to float32 first, as transformers does.
			angle := float64(float32(from+p) * f)
			cos[i] = float32(math.Cos(angle)) * r.Scale
			sin[i] = float32(math.Sin(angle)) * r.Scale
		}
	}
	return rot
}
