package tensor

// TreeSum adds matrices along the balanced binary tree over their positions:
// 0+1, 2+3, …, then (0..1)+(2..3), …; a last one without a partner rises as it
// is. The result depends on the order of Push alone, not on how the pushes were
// grouped, so the gradient of a batch is the same for every micro-batch size.
//
// It works as a binary counter: level k holds the sum of 2^k neighbours, if
// there is one waiting for its partner.
type TreeSum struct {
	out    Matrix
	levels []Matrix
	n      int
}

// NewTreeSum returns a sum that Finish writes to out.
func NewTreeSum(out Matrix) *TreeSum { return &TreeSum{out: out} }

// Next returns the matrix for the next term to be written to, with arbitrary
// content. Push then adds it.
func (s *TreeSum) Next() Matrix {
	k := carry(s.n)
	for len(s.levels) <= k {
		s.levels = append(s.levels, New(s.out.Rows, s.out.Cols))
	}
	// Level k is free: the bits below it are those that will be carried into it.
	return s.levels[k]
}

// Push adds the matrix that Next returned.
func (s *TreeSum) Push() {
	k := carry(s.n)
	sum := s.levels[k]
	for l := range k {
		sum.Add(s.levels[l]) // the earlier positions, from the nearest pair upward
	}
	s.n++
}

// Finish writes the sum of all terms to the output and starts anew. The sum of
// no terms is 0.
func (s *TreeSum) Finish() {
	s.out.Zero()
	first := true
	for l := range s.levels {
		if s.n>>l&1 == 0 {
			continue
		}
		if first {
			s.out.CopyFrom(s.levels[l])
			first = false
		} else {
			s.out.Add(s.levels[l])
		}
	}
	s.n = 0
}

// carry is the level at which term number n ends up: the number of pairs that
// become complete with it.
func carry(n int) int {
	k := 0
	for n>>k&1 == 1 {
		k++
	}
	return k
}
