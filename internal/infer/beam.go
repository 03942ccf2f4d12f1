package infer

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/tensor"
	"github.com/stablelora/stablelora/internal/vec"
)

// Hypothesis is a continuation that beam search has found.
type Hypothesis struct {
	Tokens []int32 // without the end-of-sequence token
	// Score is the sum of the tokens' log-probabilities (natural logarithm) over
	// their number, the end-of-sequence token included where it was written.
	Score float64
}

// BeamSearch continues prompts, several at a time, each with so many beams, and
// hands each one's best hypothesis to each in the prompts' order. What is found
// does not depend on the other prompts. A prompt is computed once; its keys and
// values are held once but for the last page. The rules are those of transformers'
// generate(num_beams=beams, max_new_tokens=maxNew) with length_penalty 1 and
// early_stopping False:
//
// Every step ranks all one-token continuations of the running beams by the sum of
// log-probabilities. Those among the first `beams` that end, with an
// end-of-sequence token or at maxNew, become hypotheses, of which the best `beams`
// are kept; the first `beams` of the others run on. The search ends once there are
// `beams` hypotheses and the best running beam, were it to end now, would not score
// above the worst of them.
//
// Of equal scores the earlier beam, the smaller token and the older hypothesis come
// first; torch.topk leaves that open.
func (e *Engine) BeamSearch(ctx context.Context, prompts iter.Seq[[]int32], beams, maxNew int, each func(Hypothesis) error) error {
	more, finish := iter.Pull(prompts)
	defer finish()
	caches := e.newCaches()
	var searches, queue []*search // under way; in the prompts' order, with those ended but not handed over
	prompt, ok := more()
	for ok || len(searches) > 0 {
		for ; ok && (len(searches) == 0 || (len(searches)+1)*beams <= maxBatch && caches.fit(beams, room(prompt, maxNew))); prompt, ok = more() {
			s := &search{size: beams, maxNew: maxNew, stops: e.Model.Config.StopTokens, room: room(prompt, maxNew)}
			s.beams = []beam{{last: prompt[len(prompt)-1], cache: e.Model.NewKVCache()}}
			caches.take(beams, s.room)
			if err := e.prefill(ctx, s.beams[0].cache, prompt); err != nil {
				return err
			}
			searches, queue = append(searches, s), append(queue, s)
		}
		if err := e.extendBeams(ctx, searches); err != nil {
			return err
		}
		searches = slices.DeleteFunc(searches, func(s *search) bool {
			if s.ended {
				caches.giveBack(beams, s.room)
			}
			return s.ended
		})
		for ; len(queue) > 0 && queue[0].ended; queue = queue[1:] {
			if err := each(queue[0].found[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// extendBeams takes every search a step on.
func (e *Engine) extendBeams(ctx context.Context, searches []*search) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var caches []*model.KVCache
	var tokens []int32
	for _, s := range searches {
		for _, b := range s.beams {
			caches, tokens = append(caches, b.cache), append(tokens, b.last)
		}
	}
	logits := e.Model.Next(caches, tokens)
	for _, s := range searches {
		n := len(s.beams)
		candidates, err := s.candidates(logits.RowRange(0, n))
		if err != nil {
			return err
		}
		s.step(candidates)
		logits = logits.RowRange(n, logits.Rows)
	}
	return nil
}

// search is the beam search of one prompt.
type search struct {
	size, maxNew int
	stops        []int32
	room         int          // tokens of each beam that memory is set aside for
	beams        []beam       // running, the best first; one before the first step
	written      int          // tokens of each beam
	found        []Hypothesis // the best first
	ended        bool
}

type beam struct {
	cache  *model.KVCache
	last   int32 // the newest token, which is not in the cache yet
	tokens []int32
	sum    float64
}

// candidate is a beam and one more token.
type candidate struct {
	beam  int
	token int32
	sum   float64
}

// candidates returns the best continuations, the best first, given the logits
// (beams, V) of what follows each beam. There are enough that `size` of them do not
// end, whatever the others are.
func (s *search) candidates(logits tensor.Matrix) ([]candidate, error) {
	k := s.size * (1 + max(1, len(s.stops)))
	rows := make([][]candidate, len(s.beams))
	parallel.For(len(s.beams), func(i int) {
		row := logits.Row(i)
		largest, sum := vec.LogSumExp(row)
		normaliser := float64(largest) + math.Log(sum)
		for _, id := range largestLogits(row, k) {
			rows[i] = append(rows[i], candidate{i, id, s.beams[i].sum + float64(row[id]) - normaliser})
		}
		if math.IsNaN(normaliser) || math.IsInf(normaliser, 0) {
			rows[i] = nil
		}
	})
	var all []candidate
	for _, row := range rows {
		if row == nil {
			return nil, ErrNotFinite
		}
		all = append(all, row...)
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.sum, a.sum) })
	return all[:min(k, len(all))], nil
}

// largestLogits returns the indices of the k largest elements, or of all where
// there are fewer, the largest first and of equal ones the first.
func largestLogits(logits []float32, k int) []int32 {
	top := make([]int32, 0, k+1)
	for id, v := range logits {
		if len(top) == k && !(v > logits[top[k-1]]) {
			continue
		}
		at := len(top)
		for at > 0 && v > logits[top[at-1]] {
			at--
		}
		top = slices.Insert(top, at, int32(id))
		top = top[:min(len(top), k)]
	}
	return top
}

// step turns the best candidates into hypotheses and running beams.
func (s *search) step(candidates []candidate) {
	s.written++
	full := s.written == s.maxNew
	var running []candidate
	for i, c := range candidates {
		stops := slices.Contains(s.stops, c.token)
		switch {
		case (stops || full) && i < s.size:
			s.find(c, stops)
		case !stops && !full && len(running) < s.size:
			running = append(running, c)
		}
	}
	n := len(s.found)
	s.ended = len(running) == 0 || n == s.size && !(running[0].sum/float64(s.written) > s.found[n-1].Score)
	if s.ended {
		running = nil
	}
	s.runOn(running)
}

// find adds a hypothesis if it is among the best.
func (s *search) find(c candidate, stops bool) {
	h := Hypothesis{s.beams[c.beam].tokens, c.sum / float64(s.written)}
	if !stops {
		h.Tokens = append(slices.Clone(h.Tokens), c.token)
	}
	at := len(s.found)
	for at > 0 && h.Score > s.found[at-1].Score {
		at--
	}
	s.found = slices.Insert(s.found, at, h)
	s.found = s.found[:min(len(s.found), s.size)]
}

// runOn makes candidates the running beams. The caches of a beam's continuations
// share what it has so far.
func (s *search) runOn(running []candidate) {
	var beams []beam
	kept := make([]bool, len(s.beams))
	for _, c := range running {
		old := s.beams[c.beam]
		cache := old.cache
		if kept[c.beam] {
			cache = cache.Fork(cache.Len())
		}
		kept[c.beam] = true
		beams = append(beams, beam{cache, c.token, append(slices.Clone(old.tokens), c.token), c.sum})
	}
	for i, b := range s.beams {
		if !kept[i] {
			b.cache.Release()
		}
	}
	s.beams = beams
}
