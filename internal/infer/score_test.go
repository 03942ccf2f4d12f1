package infer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stablelora/stablelora/internal/isa"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/rng"
	"github.com/stablelora/stablelora/internal/tensor"
)

// score answers groups of requests.
func score(t *testing.T, e *Engine, groups ...[]Request) (all [][]Score) {
	t.Helper()
	err := e.Score(t.Context(), slices.Values(groups), func(s []Score) error {
		if len(s) != len(groups[len(all)]) {
			t.Fatalf("%d scores of %d requests", len(s), len(groups[len(all)]))
		}
		all = append(all, s)
		return nil
	})
	if err != nil || len(all) != len(groups) {
		t.Fatalf("%d of %d groups answered: %v", len(all), len(groups), err)
	}
	return all
}

// A score is the sum of the log-probabilities of a plain forward pass.
func TestScore(t *testing.T) {
	e := tiny(t, "qwen2")
	var reqs []Request
	for i := range uint64(7) {
		reqs = append(reqs, Request{tokens(i, 3+int(i)*2, 40), 1 + int(i)})
	}
	for i, got := range score(t, e, reqs)[0] {
		want, greedy := plainScore(e, reqs[i])
		if math.Abs(got.LogLikelihood-want) > 1e-5 || got.Greedy != greedy {
			t.Errorf("request %d: %v, want %v %v", i, got, want, greedy)
		}
	}
	nothing := []Request{{tokens(9, 4, 40), 4}}
	if got := score(t, e, nothing, nil, nothing)[2][0]; got != (Score{Greedy: true}) {
		t.Errorf("%+v for no continuation", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Score(ctx, slices.Values([][]Request{reqs}), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	full := errors.New("disk full")
	if err := e.Score(t.Context(), slices.Values([][]Request{reqs}), func([]Score) error { return full }); !errors.Is(err, full) {
		t.Errorf("an answer that cannot be kept: %v", err)
	}
}

// plainScore computes a score from the logits of every position.
func plainScore(e *Engine, r Request) (sum float64, greedy bool) {
	b := &model.Batch{Pass: nn.Pass{Starts: []int{0, len(r.Tokens)}}, Tokens: r.Tokens}
	for i := range r.Tokens {
		b.Rows = append(b.Rows, i)
	}
	logits := e.Model.Logits(b)
	greedy = true
	for i := r.From; i < len(r.Tokens); i++ {
		row, total := logits.Row(i-1), 0.0
		for _, v := range row {
			total += math.Exp(float64(v))
		}
		sum += float64(row[r.Tokens[i]]) - math.Log(total)
		greedy = greedy && nn.ArgMax(row) == r.Tokens[i]
	}
	return sum, greedy
}

// The scores of requests that share what they begin with are, to the bit, those of
// each one computed by itself, in both arithmetics, with every kernel and with an
// adapter.
func TestScoreShares(t *testing.T) {
	set, threads, most := isa.Current(), parallel.Threads(), passTokens
	defer func() { isa.Use(set); parallel.SetThreads(threads); passTokens = most }()
	seed := uint64(0)
	for _, name := range []string{"qwen2", "llama3", "qwen3-yarn", "llama-dynamic"} {
		e := tiny(t, name)
		a, err := peft.Load(filepath.Join("..", "model", "testdata", name), peft.Modules(e.Model))
		if err != nil {
			t.Fatal(err)
		}
		a.Attach(e.Model)
		for i, s := range isa.Available() {
			isa.Use(s)
			parallel.SetThreads(1 + i%2)
			for _, compute := range []tensor.Compute{tensor.FP32, tensor.BF16} {
				e.Model.SetCompute(compute)
				passTokens = []int{400, 100}[seed/2%2] // the latter fewer than most contexts have
				groups := related(seed)
				for g, scores := range score(t, e, groups...) {
					for i, got := range scores {
						if want := alone(e, groups[g][i]); got != want {
							t.Fatalf("%s, %v, %v, seed %d: group %d, request %d of %d tokens: %v, alone %v",
								name, s, compute, seed, g, i, len(groups[g][i].Tokens), got, want)
						}
					}
				}
				seed++
			}
		}
	}
}

// alone is the score of a request in a pass of its own.
func alone(e *Engine, r Request) Score {
	b := model.NewBatch()
	b.Append(r.Tokens, func(t int) bool { return t >= r.From })
	logp, best := e.Model.Score(b)
	s := Score{Greedy: !slices.Contains(best, false)}
	for _, l := range logp {
		s.LogLikelihood += l
	}
	return s
}

// related are random groups of requests, some of which begin alike: with the same
// few-shot examples, within a group the same context, and whole continuations.
func related(seed uint64) (groups [][]Request) {
	r := rng.New(seed, "related")
	few := tokens(seed, []int{0, 150, 70}[seed%3], 40)
	for g := range uint64(14) {
		if g == 10 {
			few = few[:len(few)/2] // from here on less is shared
		}
		context := slices.Concat(few, tokens(100+g, 1+r.IntN(100), 40))
		var reqs []Request
		for i := range uint64(1 + r.IntN(5)) {
			q := Request{slices.Concat(context, tokens(1000+i, r.IntN(20), 40)), len(context)}
			if len(reqs) > 0 && r.IntN(2) == 0 { // a part of the one before, and perhaps more
				before := reqs[len(reqs)-1].Tokens
				q.Tokens = slices.Concat(before[:1+r.IntN(len(before))], tokens(2000+i, r.IntN(5), 40))
				q.From = 1 + r.IntN(len(q.Tokens))
			}
			if r.IntN(6) == 0 {
				q.From = len(q.Tokens)
			}
			reqs = append(reqs, q)
		}
		if r.IntN(3) == 0 {
			reqs = append(reqs, reqs[0])
		}
		groups = append(groups, reqs)
	}
	return groups
}

// What requests have in common is computed once.
func TestTree(t *testing.T) {
	reqs := []Request{
		{[]int32{1, 2, 3, 4, 5}, 3},
		{[]int32{1, 2, 3, 6, 7, 8}, 3},
		{[]int32{1, 2, 3, 4, 5}, 3},
		{[]int32{1, 2, 3, 4}, 2},
		{[]int32{9, 2, 3, 4}, 1},
		{[]int32{1, 2, 3, 6}, 3},
	}
	x := newTree(reqs, nil)
	x.add([]int{0, 1, 2, 3, 4, 5}, -1, 0)
	b := x.batch
	if got := fmt.Sprint(b.Tokens, b.Places, b.Starts); got != "[1 2 3 4 6 7 9 2 3] [0 1 2 3 3 4 0 1 2] [0 3 4 6 9]" {
		t.Errorf("laid out as %s", got)
	}
	if got := fmt.Sprint(b.Rows, b.Targets, b.AskedOf, x.askers); got != "[1 2 3 4 5 6 7 8] [3 4 6 4 4 6 5 5 7 8 2 3 4] [0 1 1 1 1 1 2 2 3 4 5 6 7] [3 0 1 2 3 5 0 2 1 1 4 4 4]" {
		t.Errorf("asks %s", got)
	}
}

// What all groups begin with is computed once, in front of them.
func TestScorePrefix(t *testing.T) {
	e := tiny(t, "qwen2")
	p := e.newPrefix()
	few := tokens(1, 100, 40)
	for _, c := range []struct{ n, held, forked int }{{minPrefix - 1, 0, 0}, {80, 80, 80}, {100, 80, 80}, {10, 80, 0}, {70, 80, 70}} {
		if err := p.grow(t.Context(), few[:c.n]); err != nil {
			t.Fatal(err)
		}
		f := p.fork(few[:c.n])
		if len(p.tokens) != c.held || p.cache.Len() != c.held || f.Len() != c.forked {
			t.Errorf("%d tokens in common: %d held, %d of them used", c.n, p.cache.Len(), f.Len())
		}
	}
}
