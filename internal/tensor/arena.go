package tensor

// Arena hands out the matrices of one pass and takes them all back at once, so
// that a training step allocates nothing once its largest batch has been seen.
// The zero Arena is ready; it is not safe for concurrent use.
type Arena struct {
	slabs [][]float32
	slab  int   // the one being filled
	used  int   // of that slab
	most  []int // that has been used of each slab
}

// Mark is a place in an arena that Release can go back to.
type Mark struct{ slab, used int }

// minSlab, in floats (64 MiB), is several times the largest matrices, so that
// little is lost where a slab's rest is too small for the next one. Pages never
// written cost no memory.
const minSlab = 16 << 20

// Reserve makes an arena that has handed nothing out hold n floats in one piece;
// smaller pieces are given up.
func (a *Arena) Reserve(n int) {
	if len(a.slabs) == 0 || len(a.slabs[0]) < n {
		*a = Arena{}
		a.grow(n)
	}
}

func (a *Arena) grow(n int) {
	a.slabs, a.most = append(a.slabs, make([]float32, max(n, minSlab))), append(a.most, 0)
}

// Alloc returns a matrix with arbitrary content.
func (a *Arena) Alloc(rows, cols int) Matrix {
	return Matrix{rows, cols, cols, a.Floats(rows * cols)}
}

// Floats returns n floats with arbitrary content.
func (a *Arena) Floats(n int) []float32 {
	for a.slab < len(a.slabs) && a.used+n > len(a.slabs[a.slab]) {
		a.slab, a.used = a.slab+1, 0
	}
	if a.slab == len(a.slabs) {
		a.grow(n)
	}
	f := a.slabs[a.slab][a.used : a.used+n : a.used+n]
	a.used += n
	a.most[a.slab] = max(a.most[a.slab], a.used)
	return f
}

// Mark returns the present place.
func (a *Arena) Mark() Mark { return Mark{a.slab, a.used} }

// Release takes back everything handed out since the mark.
func (a *Arena) Release(m Mark) { a.slab, a.used = m.slab, m.used }

// Reset takes back everything.
func (a *Arena) Reset() { a.slab, a.used = 0, 0 }

// Bytes is the memory that has been handed out at one time or another, without
// what the slabs have left.
func (a *Arena) Bytes() uint64 {
	n := 0
	for _, used := range a.most {
		n += used
	}
	return 4 * uint64(n)
}
