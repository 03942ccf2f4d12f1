package infer

import (
	"context"
	"fmt"

	"github.com/stablelora/stablelora/internal/model"
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

// passTokens is about how many tokens are computed together.
const passTokens = 2048

// Score answers requests in order. A request's score does not depend on the
// others. progress, which may be nil, is called with the number answered.
func (e *Engine) Score(ctx context.Context, reqs []Request, progress func(done int)) ([]Score, error) {
	scores := make([]Score, 0, len(reqs))
	for len(scores) < len(reqs) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		lo := len(scores)
		hi, tokens := lo, 0
		for hi < len(reqs) && (hi == lo || tokens+len(reqs[hi].Tokens) <= passTokens) {
			tokens += len(reqs[hi].Tokens)
			hi++
		}
		scores = append(scores, e.scorePass(reqs[lo:hi])...)
		if progress != nil {
			progress(len(scores))
		}
	}
	return scores, nil
}

// scorePass computes some requests laid end to end.
func (e *Engine) scorePass(reqs []Request) []Score {
	b := model.NewBatch()
	for _, r := range reqs {
		if r.From < 1 || r.From > len(r.Tokens) {
			panic(fmt.Sprintf("infer: continuation from %d of %d tokens", r.From, len(r.Tokens)))
		}
		b.Append(r.Tokens, func(t int) bool { return t >= r.From })
	}
	logp, best := e.Model.Score(b)
	scores := make([]Score, len(reqs))
	for i, r := range reqs {
		n := len(r.Tokens) - r.From
		scores[i].Greedy = true
		for t := range n {
			scores[i].LogLikelihood += logp[t]
			scores[i].Greedy = scores[i].Greedy && best[t]
		}
		logp, best = logp[n:], best[n:]
	}
	return scores
}
