package sweep

import (
	"fmt"
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/eval"
	"github.com/stablelora/stablelora/internal/rng"
)

// Comparison is a paired test of two cells on the items of one measure, over the
// seeds that both cells finished.
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
	bootstrap = "paired bootstrap"            // of the items, with one seed
	twoWay    = "paired bootstrap, seeds too" // with several
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
	switch most := r.mostSeeds(); {
	case most == 1:
		r.note("with one seed the tests ask only whether the difference would hold on other items; another seed may turn it round")
	case most > 1:
		r.note("the tests take in how much items and seeds differ; %d seeds show the latter roughly", most)
	}
}

// mostSeeds is the number of seeds of the test with most of them.
func (r *Report) mostSeeds() (most int) {
	for _, c := range r.Comparisons {
		most = max(most, len(c.Seeds))
	}
	return most
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
	var d [][]float64 // by seed and item
	var weights []float64
	var loss bool
	binary := true
	for _, ra := range a.runs {
		i := slices.IndexFunc(b.runs, func(rb *Record) bool { return rb.Seed == ra.Seed })
		if i < 0 {
			continue
		}
		ma, okA := ra.measure(c.Measure)
		mb, okB := b.runs[i].measure(c.Measure)
		if !okA || !okB || ma.items != mb.items || len(ma.values) != len(mb.values) || d != nil && len(d[0]) != len(ma.values) {
			continue
		}
		weights, loss = ma.weights, ma.loss
		own := make([]float64, len(ma.values))
		s := BySeed{Seed: ra.Seed}
		for j, v := range ma.values {
			w := mb.values[j]
			own[j] = v - w
			binary = binary && (v == 0 || v == 1) && (w == 0 || w == 1)
			if v > w {
				s.OnlyA++
			} else if v < w {
				s.OnlyB++
			}
		}
		s.P = eval.McNemar(s.OnlyA, s.OnlyB)
		d = append(d, own)
		c.Seeds, c.BySeed = append(c.Seeds, ra.Seed), append(c.BySeed, s)
	}
	if d == nil {
		return false
	}
	c.Items, c.Difference = len(d[0]), ratio(meanOf(d), weights)
	low, high, p := resample(d, weights)
	if c.P = p; c.Items > 1 {
		c.Low, c.High = &low, &high
	}
	if c.Test = twoWay; len(d) == 1 {
		c.Test = bootstrap
	}
	if loss || !binary {
		c.BySeed = nil
	} else if len(d) == 1 {
		c.Test, c.P = mcNemar, c.BySeed[0].P
	}
	return true
}

// meanOf is each item's mean over the seeds.
func meanOf(d [][]float64) []float64 {
	mean := make([]float64, len(d[0]))
	for j := range mean {
		for _, own := range d {
			mean[j] += own[j]
		}
		mean[j] /= float64(len(d))
	}
	return mean
}

// resamples, with the same seed in every test.
const (
	resamples     = 10000
	bootstrapSeed = 1
)

// resample draws as many items as there are, and as many seeds, with replacement
// again and again (Efron and Tibshirani 1993, §16.4): the 95 % interval of the
// mean over seeds of Σd/Σweight, and how often it strays from its value by at least
// that value. The draws of n seeds alone would have (n-1)/n of the variance; they
// are stretched to the whole. No p is below that of all k items that differ doing
// so in one direction, 2^(1-k).
func resample(d [][]float64, weights []float64) (low, high, p float64) {
	mean := meanOf(d)
	n, differ := len(mean), 0
	for _, v := range mean {
		if v != 0 {
			differ++
		}
	}
	value := ratio(mean, weights)
	if differ == 0 {
		return 0, 0, 1
	}
	r := rng.New(bootstrapSeed, "bootstrap")
	values := make([]float64, resamples)
	sums := make([]float64, len(d)) // by seed
	far := 0
	for k := range values {
		clear(sums)
		total := 0.0
		for range n {
			i := r.IntN(n)
			for s := range d {
				sums[s] += d[s][i]
			}
			total += weight(weights, i)
		}
		values[k] = drawSeeds(r, sums) / total
		if math.Abs(values[k]-value) >= math.Abs(value) {
			far++
		}
	}
	slices.Sort(values)
	p = float64(1+far) / (resamples + 1)
	return values[resamples*25/1000], values[resamples*975/1000-1], max(p, math.Exp2(float64(1-differ)))
}

// drawSeeds is the mean of as many sums as there are, drawn with replacement,
// its distance from the mean of all stretched by the root of n/(n-1).
func drawSeeds(r *rng.Stream, sums []float64) float64 {
	n := float64(len(sums))
	if n == 1 {
		return sums[0]
	}
	drawn := 0.0
	for range sums {
		drawn += sums[r.IntN(len(sums))]
	}
	all := ratio(sums, nil)
	return all + (drawn/n-all)*math.Sqrt(n/(n-1))
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
