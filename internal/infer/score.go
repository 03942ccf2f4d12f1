package infer

import (
	"context"
	"iter"
	"slices"
)

// Request asks how probable Tokens[From:] are after Tokens[:From]; From is at
// least 1 and at most len(Tokens), which scores 0.
type Request struct {
	Tokens []int32
	From   int
}

// Score is the answer to a Request.
type Score struct {
	LogLikelihood float64 // sum over the continuation's tokens
	Greedy        bool    // whether each of them was the most probable one
}

// passTokens is about how many tokens are computed together; tests take fewer.
var passTokens = 2048

// Score answers groups of requests, as of a question's choices, and hands over each
// group's scores in the groups' order. A request's score does not depend on the
// others, but what they begin with in common is computed once.
func (e *Engine) Score(ctx context.Context, groups iter.Seq[[]Request], each func([]Score) error) error {
	more, finish := iter.Pull(groups)
	defer finish()
	p := e.newPrefix()
	defer p.release()
	group, ok := more()
	for ok {
		var reqs []Request
		var sizes []int
		tokens, last := 0, p.tokens
		for ; ok; group, ok = more() {
			n := 0
			for _, r := range group {
				n += len(r.Tokens) - common(last, r.Tokens)
				last = r.Tokens
			}
			if len(sizes) > 0 && tokens+n > passTokens {
				break
			}
			tokens += n
			reqs, sizes = append(reqs, group...), append(sizes, len(group))
		}
		begin := reqs
		if ok && tokens <= passTokens { // it may be that all begin alike
			begin = append(slices.Clip(reqs), group...)
		}
		if ok || tokens > passTokens { // a long context takes several passes
			if err := p.grow(ctx, e.sharedContext(begin)); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		scores := e.scorePass(reqs, p)
		for _, n := range sizes {
			if err := each(scores[:n:n]); err != nil {
				return err
			}
			scores = scores[n:]
		}
	}
	return nil
}

// scorePass computes some requests in one pass, after what p has of their
// beginning.
func (e *Engine) scorePass(reqs []Request, p *prefix) []Score {
	t := newTree(reqs, p.fork(e.sharedContext(reqs)))
	defer t.batch.Prefix.Release()
	var shared []int
	for i, r := range reqs {
		switch {
		case r.From == len(r.Tokens): // nothing is asked
		case e.Model.Config.SharesPrefix(len(r.Tokens) - 1):
			shared = append(shared, i)
		default:
			t.add([]int{i}, -1, 0)
		}
	}
	t.add(shared, -1, t.batch.Prefix.Len())
	scores := make([]Score, len(reqs))
	for i := range scores {
		scores[i].Greedy = true
	}
	if len(t.askers) == 0 {
		return scores
	}
	logp, best := e.Model.Score(t.batch)
	for j, i := range t.askers {
		scores[i].LogLikelihood += logp[j]
		scores[i].Greedy = scores[i].Greedy && best[j]
	}
	return scores
}

// sharedContext is what requests have in common of the contexts' tokens but the
// last one, which predicts; nothing if one of them shares with no other.
func (e *Engine) sharedContext(reqs []Request) []int32 {
	if len(reqs) == 0 {
		return nil
	}
	shared := reqs[0].Tokens
	for _, r := range reqs {
		if !e.Model.Config.SharesPrefix(len(r.Tokens)) {
			return nil
		}
		shared = shared[:common(shared, r.Tokens[:r.From-1])]
	}
	return shared
}
