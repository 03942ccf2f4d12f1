package blas

import (
	"sync"
	"unsafe"
)

// freeList keeps values for reuse. Unlike sync.Pool it survives a collection:
// a training step asks for the same buffers again and again.
type freeList[T any] struct {
	make func() T
	mu   sync.Mutex
	free []T
}

func (l *freeList[T]) get() T {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		v := l.free[n-1]
		l.free = l.free[:n-1]
		return v
	}
	return l.make()
}

func (l *freeList[T]) put(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, v)
}

// chunk is a worker's buffer for a packed part of B.
type chunk struct {
	data       []float32
	next, none ahead // what kernels prefetch: what is packed next, or nothing
}

// ahead is what kernels prefetch besides A: rows of a weight, one cache line after
// the other. The assembly knows where its fields are.
type ahead struct {
	at, step uintptr // the next line, and from it to the following one
	left     int     // lines of the present row
	perRow   int
	skip     uintptr // from the end of a row to the next one
	rows     int     // the present one included
}

// lines is how many lines are still to come.
func (a *ahead) lines() int {
	if a.step == 0 {
		return 0
	}
	return a.left + (a.rows-1)*a.perRow
}

var chunks = freeList[*chunk]{make: func() *chunk { return new(chunk) }}

// grow returns a slice of n elements with arbitrary content, s if it is large
// enough.
func grow(s []float32, n int) []float32 {
	switch {
	case cap(s) >= n:
		return s[:n]
	case n < hugePage/8:
		return make([]float32, n)
	}
	return inHugePages(n)
}

// hugePage is the size of a large page, in floats.
const hugePage = 512 * 1024

// inHugePages returns n floats that, where the system has large pages, lie in
// such: kernels then wait less for the translation of addresses.
func inHugePages(n int) []float32 {
	whole := roundUp(n, hugePage)
	s := make([]float32, whole+hugePage)
	if past := int(uintptr(unsafe.Pointer(&s[0])) / 4 % hugePage); past > 0 {
		s = s[hugePage-past:]
	}
	adviseHugePages(unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), 4*whole))
	return s[:n:whole]
}

// scratch is a temporary vector.
type scratch struct{ data []float32 }

var scratches = freeList[*scratch]{make: func() *scratch { return new(scratch) }}

// newScratch returns a vector of n elements with arbitrary content.
func newScratch(n int) *scratch {
	s := scratches.get()
	s.data = grow(s.data, n)
	return s
}

func (s *scratch) release() { scratches.put(s) }
