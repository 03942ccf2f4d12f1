package train

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/stablelora/stablelora/internal/data"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/peft"
)

// rejectedSuffix is put behind the name of an adapter file that does not hold
// what was trained.
const rejectedSuffix = ".rejected"

// sampleLosses are those of the shortest training example.
func (t *trainer) sampleLosses() []float64 {
	e := slices.MinFunc(t.train.Examples, func(a, b *data.Example) int { return len(a.Tokens) - len(b.Tokens) })
	return t.model.Losses(newBatch([]*data.Example{e}))
}

// idle tells whether losses, the adapter's on the sample, are those of the base
// model. Tokens that are certain have the same loss, 0, with any adapter.
func (t *trainer) idle(losses []float64) bool {
	if slices.Max(losses) < 0.01 {
		return false
	}
	peft.Detach(t.model)
	defer t.adapter.Attach(t.model)
	return slices.Equal(losses, t.sampleLosses())
}

// readBack loads the adapter from the run's folder, as PEFT would find it there,
// and compares its losses on a sample with those of the factors in memory, want:
// they must be the same bits. One that fails loses its name, and the state is kept
// in a checkpoint, from which the run can go on to save it again.
func (t *trainer) readBack(want []float64) error {
	err := t.compareSaved(want)
	if err == nil {
		return nil
	}
	path := filepath.Join(t.dir, peft.WeightsFile)
	err = fmt.Errorf("%s does not hold what was trained: %w; it is now called %s", path, err, peft.WeightsFile+rejectedSuffix)
	if renameErr := fsutil.Rename(path, path+rejectedSuffix); renameErr != nil {
		return errors.Join(err, renameErr)
	}
	kept, saveErr := t.save(t.total)
	if saveErr != nil {
		return errors.Join(err, saveErr)
	}
	return fmt.Errorf("%w, and the state is kept in %s; check the disk and its free space, then go on with --resume auto", err, kept)
}

func (t *trainer) compareSaved(want []float64) error {
	saved, err := peft.Load(t.dir, peft.Modules(t.model), peft.AllowZeroB)
	if err != nil {
		return err
	}
	saved.Attach(t.model)
	got := t.sampleLosses()
	t.adapter.Attach(t.model)
	if !slices.Equal(got, want) {
		return fmt.Errorf("read back, its losses on the shortest training example are %.9g, those of the adapter in memory %.9g", got, want)
	}
	return nil
}
