package blas

import "sync"

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

// chunks holds the workers' buffers for packed parts of B.
var chunks = freeList[[]float32]{make: func() []float32 { return nil }}

// grow returns a slice of n elements with arbitrary content, s if it is large
// enough.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
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
