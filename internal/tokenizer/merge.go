package tokenizer

import (
	"slices"

	"github.com/nlpodyssey/gotokenizers/models/bpemodel"
)

// candidate is a pair of neighbours that merges could join.
type candidate struct {
	rank, pos   int32 // pos: index of the left symbol
	left, right int32 // ids when it was found; it is stale if they changed
	merged      int32
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.pos < d.pos
}

// mergeAll joins the neighbours of lowest rank, the leftmost first, until none
// are left to join, in O(n log n). It works in place.
func mergeAll(symbols []symbol, merges *bpemodel.MergeMap) []symbol {
	n := int32(len(symbols))
	next, prev := make([]int32, n), make([]int32, n)
	queue := make(minHeap, 0, n)
	find := func(pos, right int32) (candidate, bool) {
		a, b := symbols[pos].id, symbols[right].id
		m, ok := merges.Get(int(a), int(b))
		return candidate{int32(m.Rank), pos, a, b, int32(m.ID)}, ok
	}
	for i := range n {
		next[i], prev[i] = i+1, i-1
		if i+1 < n {
			if c, ok := find(i, i+1); ok {
				queue = append(queue, c)
			}
		}
	}
	queue.init()
	for len(queue) > 0 {
		c := queue.pop()
		right := next[c.pos]
		if right == n || symbols[c.pos].id != c.left || symbols[right].id != c.right {
			continue
		}
		symbols[c.pos] = symbol{c.merged, symbols[c.pos].n + symbols[right].n}
		symbols[right].id = -1 // joined
		after := next[right]
		next[c.pos] = after
		if after < n {
			prev[after] = c.pos
			if d, ok := find(c.pos, after); ok {
				queue.push(d)
			}
		}
		if before := prev[c.pos]; before >= 0 {
			if d, ok := find(before, c.pos); ok {
				queue.push(d)
			}
		}
	}
	return slices.DeleteFunc(symbols, func(s symbol) bool { return s.id < 0 })
}

// minHeap is a binary heap of candidates.
type minHeap []candidate

func (h minHeap) init() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

func (h *minHeap) push(c candidate) {
	*h = append(*h, c)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if !s[i].before(s[parent]) {
			break
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

func (h *minHeap) pop() candidate {
	s := *h
	top := s[0]
	s[0] = s[len(s)-1]
	*h = s[:len(s)-1]
	h.down(0)
	return top
}

func (h minHeap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
