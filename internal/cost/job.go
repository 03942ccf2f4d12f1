package cost

import (
	"slices"

	"github.com/stablelora/stablelora/internal/model"
)

// Job is a training run as far as its cost goes.
type Job struct {
	Config      *model.Config
	WeightBytes uint64
	Ranks       []model.Ranks // of LoRA, for each block's layers
	Dropout     bool

	Steps          int
	MicroBatchSize int
	Batch          func(step int) []Sequence // the slice may be used again by the next call
	Recompute      string                    // auto, never or always
	Threads        int
	RecordBytes    uint64 // of the records in memory
}

// Survey is what the batches of a job come to.
type Survey struct {
	Load
	Steps, Tokens, Supervised float64
	Sequences, MicroBatches   float64
	MaxRows, MaxAsked         int // of a micro-batch
	MaxBatch                  int // sequences of a step
	Longest                   int // tokens of a sequence
}

// maxSequences is how many sequences a survey goes through; the rest of the run
// is taken to be like them.
const maxSequences = 1 << 21

// Survey goes through the job's steps.
func (j *Job) Survey() Survey {
	var s Survey
	step := 0
	for ; step < j.Steps && s.Sequences < maxSequences; step++ {
		batch := j.Batch(step)
		for _, micro := range model.MicroBatches(batch, j.MicroBatchSize, func(q Sequence) int { return q.Tokens }) {
			rows, asked := 0, 0
			for _, q := range micro {
				s.Add(q)
				s.Tokens += float64(q.Tokens)
				s.Supervised += float64(q.Supervised)
				s.Longest = max(s.Longest, q.Tokens)
				rows += q.Tokens - 1
				asked += min(q.Supervised, q.Tokens-1)
			}
			s.MicroBatches++
			s.MaxRows, s.MaxAsked = max(s.MaxRows, rows), max(s.MaxAsked, asked)
		}
		s.Sequences += float64(len(batch))
		s.MaxBatch = max(s.MaxBatch, len(batch))
	}
	if step < j.Steps { // what has not been seen may hold the longest together
		s.MaxRows = max(s.MaxRows, s.Longest-1)
		s.MaxAsked = max(s.MaxAsked, min(s.MaxRows, s.MaxAsked*2))
		s = s.times(float64(j.Steps) / float64(max(step, 1)))
	}
	s.Steps = float64(j.Steps)
	return s
}

func (s Survey) times(f float64) Survey {
	s.Load = s.Load.times(f)
	for _, x := range []*float64{&s.Tokens, &s.Supervised, &s.Sequences, &s.MicroBatches} {
		*x *= f
	}
	return s
}

// Sizes are what the job's memory depends on.
func (j *Job) Sizes(s Survey) Sizes {
	return Sizes{
		Config: j.Config, WeightBytes: j.WeightBytes, BatchSize: s.MaxBatch, Threads: j.Threads, Other: j.RecordBytes,
		Pass: model.PassSize{Rows: s.MaxRows, Asked: s.MaxAsked, Ranks: j.Ranks, Dropout: j.Dropout},
	}
}

// Estimate is what a job costs.
type Estimate struct {
	Recompute bool
	Memory    Memory
	Work      Work // of all steps
	Seconds   float64
}

// Estimate works out the cost on a machine with so many bytes of memory to spare
// (0: not known), also where they are not enough.
func (j *Job) Estimate(s Survey, r Rates, have uint64) Estimate {
	var e Estimate
	e.Recompute, e.Memory, _ = j.Sizes(s).Choose(j.Recompute, have)
	e.Work = Train(j.Config, j.Ranks, s.Load, e.Recompute)
	e.Work.Updates = s.Steps * float64(TrainableParameters(j.Config, j.Ranks))
	e.Seconds = r.Seconds(e.Work)
	return e
}

// Typical is a micro-batch of average size, as sequences of one length.
func (j *Job) Typical(s Survey) []Sequence {
	n := max(1, int(s.Sequences/max(s.MicroBatches, 1)+0.5))
	q := Sequence{Tokens: max(2, int(s.Tokens/max(s.Sequences, 1)+0.5)), Supervised: max(1, int(s.Supervised/max(s.Sequences, 1)+0.5))}
	return slices.Repeat([]Sequence{q}, n)
}
