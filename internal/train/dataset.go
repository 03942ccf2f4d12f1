package train

import (
	"fmt"
	"time"

	"github.com/stablelora/stablelora/internal/chat"
	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/data"
)

// openData reads the training and held-out files.
func (t *trainer) openData() error {
	c := t.shape
	if err := c.CheckTokens(t.cfg.Model.Path, t.tok.Size()); err != nil {
		return err
	}
	enc := data.Encoding{Tokenizer: t.tok, Chat: t.chatTemplate}
	if len(c.EOS) > 0 {
		enc.EOS = &c.EOS[0]
	}
	var err error
	if t.train, err = t.shared.loadData(t.cfg, t.cfg.Data.Train, enc); err != nil {
		return err
	}
	notes := t.train.Notes()
	if len(t.cfg.Data.Eval) > 0 {
		if t.heldOut, err = t.shared.loadData(t.cfg, t.cfg.Data.Eval, enc); err != nil {
			return err
		}
		notes = append(notes, t.heldOut.Notes()...)
	}
	for _, note := range notes {
		t.opt.Reporter.Message(note)
	}
	if t.train.Longest() > c.MaxPositions {
		t.opt.Reporter.Warn(fmt.Sprintf("the longest example has %d tokens; the model was made for %d", t.train.Longest(), c.MaxPositions))
	}
	t.batches = data.NewBatches(t.train, t.cfg.Train.BatchSize, t.cfg.Train.Seed, t.cfg.Data.Shuffle)
	t.setTotal(t.batches.StepsPerEpoch())
	for _, set := range []*data.Set{t.train, t.heldOut} {
		if set != nil {
			t.recordBytes += uint64(4*set.Tokens() + recordBytes*len(set.Examples))
		}
	}
	t.sequences = func(step int) []cost.Sequence {
		var all []cost.Sequence
		for _, x := range t.batches.Step(step) {
			all = append(all, cost.Sequence{Tokens: len(x.Tokens), Supervised: x.NumSupervised()})
		}
		return all
	}
	return nil
}

// setTotal settles the number of steps.
func (t *trainer) setTotal(perEpoch int) {
	t.total = t.cfg.Train.MaxSteps
	if t.total == 0 {
		t.total = t.cfg.Train.Epochs * perEpoch
	}
}

// recordBytes is what an example takes beside its tokens: the struct, its file
// and line, its supervised ranges.
const recordBytes = 200

// templateDate is the day that a chat template is told, where it asks for it:
// today's would change the training texts overnight.
var templateDate = time.Date(2024, 7, 26, 0, 0, 0, 0, time.UTC)

func (t *trainer) chatTemplate() (data.ChatTemplate, error) {
	c, err := chat.Load(t.cfg.Model.Path)
	if err != nil {
		return nil, err
	}
	c.Now = func() time.Time { return templateDate }
	return c, nil
}
