package infer

import (
	"fmt"
	"slices"

	"github.com/stablelora/stablelora/internal/model"
)

// tree lays requests out as a tree of what they begin with: each branch is computed
// once, by whatever number of requests it is shared.
type tree struct {
	reqs   []Request
	batch  *model.Batch
	askers []int // the request of each of the batch's targets
}

func newTree(reqs []Request, prefix *model.KVCache) *tree {
	for _, r := range reqs {
		if r.From < 1 || r.From > len(r.Tokens) {
			panic(fmt.Sprintf("infer: continuation from %d of %d tokens", r.From, len(r.Tokens)))
		}
	}
	t := &tree{reqs: reqs, batch: model.NewBatch()}
	t.batch.Prefix = prefix
	return t
}

// add lays out requests, by their numbers, that agree in the tokens before place
// from, with which branch parent ends. Their last tokens predict nothing and are
// not computed.
func (t *tree) add(members []int, parent, from int) {
	if len(members) == 0 {
		return
	}
	shared := t.computed(members[0])
	for _, i := range members[1:] {
		shared = shared[:common(shared, t.computed(i))]
	}
	end := len(shared)
	if end > from {
		parent = t.batch.Branch(parent, shared[from:])
		t.ask(members, from, end)
	}
	members = slices.DeleteFunc(members, func(i int) bool { return len(t.computed(i)) == end })
	for len(members) > 0 {
		next := t.reqs[members[0]].Tokens[end]
		var same, others []int
		for _, i := range members {
			if t.reqs[i].Tokens[end] == next {
				same = append(same, i)
			} else {
				others = append(others, i)
			}
		}
		t.add(same, parent, end)
		members = others
	}
}

// ask asks the newest branch, of places from to end-1, for what each of the
// requests wants to know there.
func (t *tree) ask(members []int, from, end int) {
	b := t.batch
	start := len(b.Tokens) - (end - from)
	for place := from; place < end; place++ {
		asked := false
		for _, i := range members {
			r := t.reqs[i]
			if place+1 < r.From {
				continue
			}
			if !asked {
				b.Rows, asked = append(b.Rows, start+place-from), true
			}
			b.Targets = append(b.Targets, r.Tokens[place+1])
			b.AskedOf = append(b.AskedOf, len(b.Rows)-1)
			t.askers = append(t.askers, i)
		}
	}
}

func (t *tree) computed(i int) []int32 {
	tokens := t.reqs[i].Tokens
	return tokens[:len(tokens)-1]
}
