package cost

import (
	"math"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/preset"
)

// job is ten steps of three sequences, two of which are computed together.
func job() *Job {
	c, _ := preset.Config("qwen2-0.5b")
	return &Job{Config: c, WeightBytes: 988065536, Ranks: adapted(c.Layers, 8, model.Q, model.V), Steps: 10, MicroBatchSize: 2,
		Recompute: "auto", Threads: 2, Batch: func(step int) []Sequence {
			return []Sequence{{50, 20}, {150 + step, 60}, {250, 249}}
		}}
}

func TestSurvey(t *testing.T) {
	s := job().Survey()
	if s.Steps != 10 || s.Sequences != 30 || s.MicroBatches != 20 || s.Tokens != 4545 || s.Supervised != 3290 ||
		s.MaxRows != 249 || s.MaxAsked != 249 || s.MaxBatch != 3 || s.Longest != 250 || s.Rows != 4545-30 || s.Asked != 3290 {
		t.Errorf("%+v", s)
	}
	if q := job().Typical(s); len(q) != 2 || q[0] != (Sequence{152, 110}) {
		t.Errorf("typical: %v", q)
	}
	// Of a run that is too long the rest is taken to be like the beginning, with
	// more supervised tokens together by chance.
	long := job()
	long.Steps = 2e6
	long.Batch = func(int) []Sequence { return []Sequence{{100, 20}, {250, 60}, {100, 20}} }
	s = long.Survey()
	if math.Abs(s.Tokens/9e8-1) > 1e-9 || math.Abs(s.Rows/8.94e8-1) > 1e-9 || s.MaxRows != 348 || s.MaxAsked != 160 {
		t.Errorf("long: %+v", s)
	}
}

func TestEstimate(t *testing.T) {
	j := job()
	s := j.Survey()
	kept := j.Estimate(s, Uniform(1e11), 0)
	if want := Train(j.Config, j.Ranks, s.Load, false).Needed; kept.Recompute || kept.Work.Needed != want || math.Abs(kept.Seconds*1e11/want.Total()-1) > 1e-9 {
		t.Errorf("%+v", kept)
	}
	j.Recompute = "always"
	again := j.Estimate(s, Uniform(1e11), 0)
	if r := again.Seconds / kept.Seconds; r < 1.2 || r > 1.5 || again.Work.Needed != kept.Work.Needed {
		t.Errorf("recomputation takes %v times as long", r)
	}
	// Rates by kind.
	r := Rates{LinearForward: 1e12, LinearBackward: 2e12, AttentionForward: 1e11, AttentionBackward: 1e11, LowRank: 1e11, Head: 1e11, Elements: 1e9, Updates: 1e8}
	w, n := again.Work, again.Work.Needed
	want := (n.LinearForward+w.Again.LinearForward)/1e12 + n.LinearBackward/2e12 + n.Head/1e11 + w.Elements/1e9 + 10*540672/1e8 +
		(n.AttentionForward+w.Again.AttentionForward+n.AttentionBackward+n.LowRank+w.Again.LowRank)/1e11
	if got := r.Seconds(w); math.Abs(got/want-1) > 1e-9 {
		t.Errorf("%v s, want %v", got, want)
	}
}

func TestPrices(t *testing.T) {
	kWh, money, hasEnergy, hasMoney := Prices{Watts: 500, PerKWh: 0.4, PerHour: 1}.Of(7200)
	if kWh != 1 || money != 2.4 || !hasEnergy || !hasMoney {
		t.Error(kWh, money, hasEnergy, hasMoney)
	}
	if _, _, hasEnergy, hasMoney = (Prices{Watts: 500}).Of(1); !hasEnergy || hasMoney {
		t.Error("the price of a kilowatt-hour is not known")
	}
	if _, money, hasEnergy, hasMoney = (Prices{PerHour: 2}).Of(1800); money != 1 || hasEnergy || !hasMoney {
		t.Error("the power is not known")
	}
}

func TestAdvise(t *testing.T) {
	rates := Uniform(1e11)
	if got := job().Advise(rates, Limits{Bytes: 1e11, Seconds: 1e6}); got != nil {
		t.Errorf("a run that fits: %v", got)
	}
	settings := func(l Limits, never bool) string {
		j := job()
		if never {
			j.Recompute = "never"
		}
		var all []string
		for _, c := range j.Advise(rates, l) {
			if c.Fits != (c.Bytes <= l.Bytes && (l.Seconds == 0 || c.Seconds <= l.Seconds)) {
				t.Errorf("%+v", c)
			}
			fits := ""
			if c.Fits {
				fits = " fits"
			}
			all = append(all, c.Settings+fits)
		}
		return strings.Join(all, "; ")
	}
	for _, x := range []struct {
		l     Limits
		never bool
		want  string
	}{
		{Limits{Bytes: 1.5e9}, true, "train.recompute=always fits"},
		{Limits{Bytes: 1.205e9}, false, "train.recompute=always; train.recompute=always train.micro_batch_size=1; " +
			"train.recompute=always train.micro_batch_size=1 data.max_length=64 data.on_overflow=truncate fits"},
		{Limits{Bytes: 5e8}, false, "train.recompute=always; train.recompute=always train.micro_batch_size=1; train.recompute=always train.micro_batch_size=1"},
		{Limits{Bytes: 1e11, Seconds: 50}, false, "lora.layers=[12,13,14,15,16,17,18,19,20,21,22,23]; " +
			"data.max_length=128 data.on_overflow=truncate; data.max_length=64 data.on_overflow=truncate fits; train.max_steps=6 fits"},
	} {
		if got := settings(x.l, x.never); got != x.want {
			t.Errorf("%+v:\ngot  %s\nwant %s", x.l, got, x.want)
		}
	}
}
