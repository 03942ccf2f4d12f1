package bench

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/stablelora/stablelora/internal/cost"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Every kind of work gets a rate, whatever is adapted.
func TestSample(t *testing.T) {
	c := tiny()
	for name, ranks := range map[string][]model.Ranks{
		"q and v":       ranks(c),
		"the last down": {{}, {model.Down: 2}},
	} {
		s, err := Sample(context.Background(), c, ranks, []cost.Sequence{{Tokens: 9, Supervised: 2}, {Tokens: 6, Supervised: 5}}, tensor.FP32)
		if err != nil {
			t.Fatal(err)
		}
		v := reflect.ValueOf(s.Rates)
		for i := range v.NumField() {
			if !(v.Field(i).Float() > 0) {
				t.Errorf("%s: %s is %v", name, v.Type().Field(i).Name, v.Field(i))
			}
		}
		if s.PeakGFlops <= 0 {
			t.Errorf("%s: the peak is %v", name, s.PeakGFlops)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Sample(ctx, c, ranks(c), []cost.Sequence{{Tokens: 9, Supervised: 2}}, tensor.FP32); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A pass is not much longer than the budget, and of the run's shape.
func TestSamplerIsShort(t *testing.T) {
	c := *tiny()
	c.Layers, c.MaxPositions = 30, 1<<20
	for _, x := range []struct {
		sequences   []cost.Sequence
		blocks, max int
		min         int
	}{
		{[]cost.Sequence{{Tokens: 301, Supervised: 2}}, 3, 300, 300},
		{[]cost.Sequence{{Tokens: 4000, Supervised: 2}, {Tokens: 4000, Supervised: 2}}, 2, 2001, 2000},
	} {
		perRow := 4.0 * (2*4*4 + 2*4*2 + 3*4*8)
		p := newSampler(&c, ranks(&c), x.sequences, 2000*perRow)
		if n := p.batch.Pass.Rows(); len(p.model.Layers) != x.blocks || n < x.min*9/10 || n > x.max*11/10 {
			t.Errorf("%v: %d blocks, %d rows", x.sequences, len(p.model.Layers), n)
		}
	}
}

func TestMeasureMachine(t *testing.T) {
	m, err := MeasureMachine(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if m.PeakGFlops <= 0 || m.ReadSpeed <= 0 || len(m.Products) == 0 || m.Products[0].Kernel != "portable" {
		t.Errorf("%+v", m)
	}
	for _, p := range m.Products {
		if p.GFlops <= 0 {
			t.Errorf("%+v", p)
		}
	}
}
