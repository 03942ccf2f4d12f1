package bench

import (
	"context"
	"slices"
	"time"

	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/nn"
	"github.com/stablelora/stablelora/internal/optim"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Speed is what a short sample says of this machine.
type Speed struct {
	Rates cost.Rates
	Peaks // before, between and after
}

const (
	sampleVocab = 1 << 14 // rows of the head that is sampled
	sampleWork  = 300e9   // operations of a sample pass, about and at most
	sampleTime  = 2 * time.Second
	sampleMax   = 7 // timed passes
)

// Sample measures, in a few seconds, the rates of each kind of work on a few
// blocks of a shape, with LoRA of the given ranks, for micro-batches like the
// given one.
func Sample(ctx context.Context, c *model.Config, ranks []model.Ranks, sequences []cost.Sequence, compute tensor.Compute) (*Speed, error) {
	s := &Speed{}
	s.compute = compute
	s.sample()
	p := newSampler(c, ranks, sequences, min(sampleWork, 2e9*s.PeakGFlops))
	p.model.SetCompute(compute)
	var passes []step
	spent := time.Duration(0)
	for k := 0; k <= sampleMax && (k < 2 || spent < sampleTime); k++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, err := trainStep(p.model, p.batch, p.pairs, p.optimizer)
		if err != nil {
			return nil, err
		}
		if k == 0 { // it allocates: not timed
			s.sample()
		} else {
			passes = append(passes, t)
			spent += time.Duration(t.total * float64(time.Second))
		}
	}
	s.Rates = p.rates(passes)
	s.Rates.Head = p.headRate()
	s.sample()
	return s, nil
}

// sampler is a decoder of a few blocks with a batch.
type sampler struct {
	model     *model.Decoder
	batch     *model.Batch
	pairs     []optim.Pair
	optimizer optim.Optimizer
	work      cost.Work // of a pass
	headRows  int       // of the head that are computed together
}

// newSampler shortens the batch where a pass would take long. Of all but the last
// block every row is computed, of the last one few: it stands for none of the
// others.
func newSampler(c *model.Config, ranks []model.Ranks, sequences []cost.Sequence, budget float64) *sampler {
	short := *c
	short.VocabSize = min(c.VocabSize, sampleVocab)
	all := make([]model.Ranks, 3)
	full := slices.MaxFunc(ranks, func(a, b model.Ranks) int { return total(a) - total(b) })
	perRow := cost.Train(c, ranks, cost.LoadOf(cost.Sequence{Tokens: 2, Supervised: 1}), false).Needed
	block := (perRow.LinearForward + perRow.LinearBackward) / float64(c.Layers)
	rows := int(max(256, budget/(2*block)))
	if rows*4 < 3*sum(sequences) { // one block less rather than that many rows
		all = all[:2]
		rows = max(256, int(budget/block))
	}
	short.Layers = len(all)
	for i := range all {
		all[i] = full
	}

	p := &sampler{model: model.Random(&short, seed), batch: model.NewBatch()}
	p.batch.Train = true
	load := cost.Load{}
	for _, q := range sequences {
		if q.Tokens = min(q.Tokens, rows+1-len(p.batch.Tokens)); q.Tokens < 2 {
			break
		}
		few := min(4, q.Tokens-1)
		p.batch.Append(randomTokens(q.Tokens, short.VocabSize), func(t int) bool { return t >= q.Tokens-few })
		load.Add(cost.Sequence{Tokens: q.Tokens, Supervised: few})
		p.headRows += min(q.Supervised, q.Tokens-1)
	}
	p.headRows = nn.LogitRows(max(1, p.headRows), c.VocabSize)
	p.work = cost.Train(&short, all, load, false)
	p.attach(all)
	p.work.Updates = float64(cost.TrainableParameters(&short, all))
	return p
}

func total(r model.Ranks) (n int) {
	for _, x := range r {
		n += x
	}
	return n
}

func sum(sequences []cost.Sequence) (tokens int) {
	for _, q := range sequences {
		tokens += q.Tokens
	}
	return tokens
}

// attach adapts the layers. The factors' values do not matter for speed.
func (p *sampler) attach(ranks []model.Ranks) {
	for i, l := range p.model.Linears() {
		r := ranks[i/model.BlockLinears][i%model.BlockLinears]
		if r == 0 {
			continue
		}
		a, b := tensor.NewParam(l.Name+".A", r, l.W.Cols), tensor.NewParam(l.Name+".B", l.W.Rows, r)
		l.Attach(&nn.LoRA{A: a, B: b, Scale: 1})
		p.pairs = append(p.pairs, optim.Pair{Name: l.Name, A: a, B: b})
	}
	var err error
	if p.optimizer, err = optim.New("stable_lora", p.pairs, hyper()); err != nil {
		panic(err) // its settings are ours
	}
}

// rates divides a pass's work by the median pass's times.
func (p *sampler) rates(passes []step) cost.Rates {
	t := median(passes)
	rate := func(amount float64, part nn.Part) float64 { return amount / max(t.parts[part], 1e-9) }
	w := p.work.Needed
	return cost.Rates{
		LinearForward: rate(w.LinearForward, nn.LinearForward), LinearBackward: rate(w.LinearBackward, nn.LinearBackward),
		AttentionForward: rate(w.AttentionForward, nn.AttentionForward), AttentionBackward: rate(w.AttentionBackward, nn.AttentionBackward),
		LowRank: rate(w.LowRank, nn.LowRank), Elements: rate(p.work.Elements, nn.Rest), Updates: rate(p.work.Updates, optimizerPart),
	}
}

// headRate times the head alone, on as many rows as the run computes together.
func (p *sampler) headRate() float64 {
	w := p.model.Head.W
	x, dx := tensor.New(p.headRows, w.Cols), tensor.New(p.headRows, w.Cols)
	for i := range x.Data {
		x.Data[i] = float32(i%7) - 3
	}
	targets, losses := make([]int32, p.headRows), make([]float64, p.headRows)
	var arena tensor.Arena
	var seconds []float64
	for range 4 {
		arena.Reset()
		start := time.Now()
		p.model.Head.Loss(dx, x, targets, 1, losses, &arena)
		seconds = append(seconds, time.Since(start).Seconds())
	}
	slices.Sort(seconds[1:]) // the first one allocates
	return 4 * float64(p.headRows) * float64(w.Rows) * float64(w.Cols) / seconds[2]
}
