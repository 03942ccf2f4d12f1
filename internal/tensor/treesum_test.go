package tensor

import (
	"math"
	"math/rand/v2"
	"testing"
)

// tree adds terms by the rule itself: pairs of neighbours, level by level, a
// last one without a partner rising as it is.
func tree(terms []Matrix) Matrix {
	for len(terms) > 1 {
		var next []Matrix
		for i := 0; i < len(terms); i += 2 {
			sum := New(terms[i].Rows, terms[i].Cols)
			sum.CopyFrom(terms[i])
			if i+1 < len(terms) {
				sum.Add(terms[i+1])
			}
			next = append(next, sum)
		}
		terms = next
	}
	return terms[0]
}

func TestTreeSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	out := New(2, 3)
	s := NewTreeSum(out)
	for n := 1; n <= 40; n++ {
		terms := make([]Matrix, n)
		for i := range terms {
			terms[i] = New(2, 3)
			for j := range terms[i].Data { // of very different sizes: the order shows
				terms[i].Data[j] = float32(math.Ldexp(r.NormFloat64(), r.IntN(40)))
			}
			s.Next().CopyFrom(terms[i])
			s.Push()
		}
		s.Finish() // the same sum is used again: nothing may stay behind
		mustEqual(t, "sum", out, tree(terms))
	}
}

func TestTreeSumOfNothing(t *testing.T) {
	out := fill(New(2, 2), rand.New(rand.NewPCG(2, 2)))
	s := NewTreeSum(out)
	s.Finish()
	mustEqual(t, "sum", out, New(2, 2))
	s.Next().Data[0] = 3 // written to, but never pushed
	s.Finish()
	mustEqual(t, "sum", out, New(2, 2))
}

func TestTreeSumNegativeZero(t *testing.T) {
	out := New(1, 1)
	s := NewTreeSum(out)
	s.Next().Data[0] = float32(math.Copysign(0, -1))
	s.Push()
	s.Finish()
	if math.Float32bits(out.Data[0]) != 1<<31 {
		t.Errorf("the sum of -0 alone is %v", out.Data[0])
	}
}
