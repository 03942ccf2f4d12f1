package sweep

import (
	"fmt"
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/rng"
)

// Comparison is a paired test of two cells on the items of one measure. The value
// of an item is the mean over the seeds that both cells finished.
type Comparison struct {
	A          int      `json:"a"` // cells
	B          int      `json:"b"`
	LabelA     string   `json:"label_a"`
	LabelB     string   `json:"label_b"`
	Measure    string   `json:"measure"`
	Role       string   `json:"role"` // "chosen on", "same data" as that, or "confirmed on"
	Items      int      `json:"items"`
	Seeds      []uint64 `json:"seeds"`
	Difference float64  `json:"difference"` // A minus B
	Low        *float64 `json:"ci95_low"`   // of the paired bootstrap; null for a single item
	High       *float64 `json:"ci95_high"`
	Test       string   `json:"test"`
	P          float64  `json:"p_value"`      // two-sided
	Holm       float64  `json:"p_value_holm"` // for all tests of the sweep together
	BySeed     []BySeed `json:"by_seed,omitempty"`
}

// BySeed is the exact McNemar test of the two runs of one seed.
type BySeed struct {
	Seed  uint64  `json:"seed"`
	OnlyA int     `json:"only_a_right"`
	OnlyB int     `json:"only_b_right"`
	P     float64 `json:"p_value"`
}

const (
	mcNemar   = "exact McNemar"
	bootstrap = "paired bootstrap"
)

// test compares the methods' chosen cells with each other or, where there is one
// method, its chosen cell with all others.
func (r *Report) test(measures []measure) {
	var pairs [][2]int
	picks := r.Choice.Methods
	for i, p := range picks {
		for _, q := range picks[:i] {
			pairs = append(pairs, [2]int{p.Cell, q.Cell})
		}
	}
	keys := append(slices.Clone(r.Choice.MethodKeys), r.Choice.TunedKeys...)
	if len(picks) == 1 {
		for i, c := range r.Cells {
			if i != picks[0].Cell && len(c.runs) > 0 {
				pairs = append(pairs, [2]int{picks[0].Cell, i})
			}
		}
	}
	for _, pair := range pairs {
		for _, m := range measures {
			c := Comparison{A: pair[0], B: pair[1], Measure: m.name, Role: r.Choice.role(m.name)}
			c.LabelA, c.LabelB = label(r.Cells[c.A].Values, keys), label(r.Cells[c.B].Values, keys)
			if c.run(&r.Cells[c.A], &r.Cells[c.B]) {
				r.Comparisons = append(r.Comparisons, c)
			} else {
				r.note("%s and %s have no seed in common, or answered other items: %s is not compared", c.LabelA, c.LabelB, m.name)
			}
		}
	}
	holm(r.Comparisons)
	if n := len(r.Comparisons); n > 1 {
		r.note("%d tests were made: of so many, one in twenty has p below 0.05 by chance alone. p (Holm) is corrected for all of them", n)
	}
	if len(r.Comparisons) > 0 {
		r.note("the tests ask whether the difference would hold on other items; whether it holds for other seeds, the standard deviations show")
	}
}

// role tells what a measure is to the choice.
func (ch *Choice) role(name string) string {
	switch {
	case name == ch.On:
		return "chosen on"
	case slices.Contains(ch.ConfirmedOn, name):
		return "confirmed on"
	}
	return "same data"
}

// run fills in the rest; false: the cells have nothing in common.
func (c *Comparison) run(a, b *Cell) bool {
	var d, weights []float64
	var loss bool
	binary := true
	for _, ra := range a.runs {
		i := slices.IndexFunc(b.runs, func(rb *Record) bool { return rb.Seed == ra.Seed })
		if i < 0 {
			continue
		}
		ma, okA := ra.measure(c.Measure)
		mb, okB := b.runs[i].measure(c.Measure)
		if !okA || !okB || ma.items != mb.items || len(ma.values) != len(mb.values) || d != nil && len(d) != len(ma.values) {
			continue
		}
		if d == nil {
			d, weights, loss = make([]float64, len(ma.values)), ma.weights, ma.loss
		}
		s := BySeed{Seed: ra.Seed}
		for j, v := range ma.values {
			w := mb.values[j]
			d[j] += v - w
			binary = binary && (v == 0 || v == 1) && (w == 0 || w == 1)
			if v > w {
				s.OnlyA++
			} else if v < w {
				s.OnlyB++
			}
		}
		s.P = eval.McNemar(s.OnlyA, s.OnlyB)
		c.Seeds, c.BySeed = append(c.Seeds, ra.Seed), append(c.BySeed, s)
	}
	if d == nil {
		return false
	}
	for j := range d {
		d[j] /= float64(len(c.Seeds))
	}
	c.Items, c.Difference = len(d), ratio(d, weights)
	c.Test = bootstrap
	low, high, p := resample(d, weights)
	c.P = p
	if len(d) > 1 {
		c.Low, c.High = &low, &high
	}
	if loss || !binary {
		c.BySeed = nil
	} else if len(c.Seeds) == 1 {
		c.Test, c.P = mcNemar, c.BySeed[0].P
	}
	return true
}

// resamples of the items, with the same seed in every test.
const (
	resamples     = 10000
	bootstrapSeed = 1
)

// resample draws as many items as there are, with replacement, again and again
// (Efron and Tibshirani 1993, §16.4): the 95 % interval of Σd/Σweight, and how
// often it strays from its value by at least that value. No p is below that of
// all k items that differ doing so in one direction, 2^(1-k).
func resample(d, weights []float64) (low, high, p float64) {
	n, differ := len(d), 0
	for _, v := range d {
		if v != 0 {
			differ++
		}
	}
	value := ratio(d, weights)
	if differ == 0 {
		return 0, 0, 1
	}
	r := rng.New(bootstrapSeed, "bootstrap")
	values := make([]float64, resamples)
	far := 0
	for k := range values {
		var sum, total float64
		for range n {
			i := r.IntN(n)
			sum += d[i]
			total += weight(weights, i)
		}
		values[k] = sum / total
		if math.Abs(values[k]-value) >= math.Abs(value) {
			far++
		}
	}
	slices.Sort(values)
	p = float64(1+far) / (resamples + 1)
	return values[resamples*25/1000], values[resamples*975/1000-1], max(p, math.Exp2(float64(1-differ)))
}

// holm corrects the p-values for their number (Holm 1979): the smallest is
// multiplied by n, the next by n-1, and none may be below one before it.
func holm(all []Comparison) {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case all[i].P < all[j].P:
			return -1
		case all[i].P > all[j].P:
			return 1
		}
		return 0
	})
	least := 0.0
	for k, i := range order {
		least = max(least, min(1, all[i].P*float64(len(all)-k)))
		all[i].Holm = least
	}
}

// interval writes a confidence interval.
func (c *Comparison) interval() string {
	if c.Low == nil {
		return ""
	}
	return fmt.Sprintf("[%+.4f, %+.4f]", *c.Low, *c.High)
}
