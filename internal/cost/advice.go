package cost

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/stablelora/stablelora/internal/model"
)

// Limits are what a run should keep to; 0: none. Bytes are also what
// train.recompute auto takes to be available.
type Limits struct {
	Bytes   uint64
	Seconds float64
}

// Change is a setting that makes a run cheaper, and what the run would cost then.
type Change struct {
	Settings string  `json:"settings"` // "train.recompute=always train.micro_batch_size=1"
	Note     string  `json:"note,omitempty"`
	Bytes    uint64  `json:"memory_bytes"`
	Seconds  float64 `json:"seconds"`
	Fits     bool    `json:"fits"` // all limits
}

// Advise lists changes towards the limits that the job breaks; none: it breaks
// none.
func (j *Job) Advise(r Rates, l Limits) []Change {
	a := adviser{rates: r, limits: l}
	now := j.Estimate(j.Survey(), r, l.Bytes)
	if l.Bytes > 0 && now.Memory.Total() > l.Bytes {
		a.memory(*j)
	}
	if l.Seconds > 0 && now.Seconds > l.Seconds {
		a.time(*j, now.Seconds)
	}
	return a.changes
}

type adviser struct {
	rates   Rates
	limits  Limits
	changes []Change
}

// try lists a change and says whether it fits.
func (a *adviser) try(j Job, settings, note string) bool {
	e := j.Estimate(j.Survey(), a.rates, a.limits.Bytes)
	c := Change{Settings: settings, Note: note, Bytes: e.Memory.Total(), Seconds: e.Seconds}
	c.Fits = (a.limits.Bytes == 0 || c.Bytes <= a.limits.Bytes) && (a.limits.Seconds == 0 || c.Seconds <= a.limits.Seconds)
	a.changes = append(a.changes, c)
	return c.Fits
}

// memory adds changes one by one, those first that leave the result as it is.
func (a *adviser) memory(j Job) {
	settings := ""
	add := func(s string) string { settings += " " + s; return settings[1:] }
	fits := func() bool {
		_, m, _ := j.Sizes(j.Survey()).Choose(j.Recompute, a.limits.Bytes)
		return m.Total() <= a.limits.Bytes
	}
	if j.Recompute != "always" {
		j.Recompute = "always"
		if a.try(j, add("train.recompute=always"), "the same result, more time"); fits() {
			return
		}
	}
	if j.MicroBatchSize > 1 {
		for j.MicroBatchSize > 1 && !fits() {
			j.MicroBatchSize /= 2
		}
		if a.try(j, add(fmt.Sprintf("train.micro_batch_size=%d", j.MicroBatchSize)), "the same result"); fits() {
			return
		}
	}
	longest := j.Survey().Longest
	for _, length := range shorter(longest) {
		j.Batch = clipped(j.Batch, length)
		if fits() {
			a.try(j, add(fmt.Sprintf("data.max_length=%d data.on_overflow=truncate", length)), "longer records are cut off")
			return
		}
	}
	_, m, _ := j.Sizes(j.Survey()).Choose(j.Recompute, a.limits.Bytes)
	if fixed := m.Total() - m.Pass(); fixed > a.limits.Bytes {
		a.try(j, settings[min(1, len(settings)):], fmt.Sprintf("weights, adapter and program alone take %.1f GB: a smaller model or a lower lora.r is needed", float64(fixed)/1e9))
	}
}

// time lists changes one beside the other.
func (a *adviser) time(j Job, seconds float64) {
	if j.Recompute != "never" {
		k := j
		k.Recompute = "never"
		if e := k.Estimate(k.Survey(), a.rates, a.limits.Bytes); e.Seconds < seconds && (a.limits.Bytes == 0 || e.Memory.Total() <= a.limits.Bytes) {
			a.try(k, "train.recompute=never", "the same result")
		}
	}
	if half := j.Config.Layers / 2; half > 0 && lowestAdapted(j.Ranks) < half {
		k := j
		k.Ranks = make([]model.Ranks, len(j.Ranks))
		copy(k.Ranks[half:], j.Ranks[half:])
		layers := []string{}
		for i := half; i < j.Config.Layers; i++ {
			layers = append(layers, strconv.Itoa(i))
		}
		a.try(k, "lora.layers=["+strings.Join(layers, ",")+"]", "only the upper half of the blocks is adapted, and no gradient goes further down")
	}
	for _, length := range shorter(j.Survey().Longest) {
		k := j
		k.Batch = clipped(j.Batch, length)
		if a.try(k, fmt.Sprintf("data.max_length=%d data.on_overflow=truncate", length), "longer records are cut off") {
			break
		}
	}
	k := j
	k.Steps = int(math.Floor(float64(j.Steps) * a.limits.Seconds / seconds))
	if k.Steps > 0 {
		a.try(k, fmt.Sprintf("train.max_steps=%d", k.Steps), "")
	}
}

// shorter lists lengths below the longest: halves, down to 32 tokens.
func shorter(longest int) (lengths []int) {
	length := 32
	for 2*length < longest {
		length *= 2
	}
	for ; length >= 32 && length < longest; length /= 2 {
		lengths = append(lengths, length)
	}
	return lengths
}

// clipped cuts sequences off after so many tokens.
func clipped(batch func(int) []Sequence, length int) func(int) []Sequence {
	var cut []Sequence
	return func(step int) []Sequence {
		cut = cut[:0]
		for _, q := range batch(step) {
			if over := q.Tokens - length; over > 0 {
				q = Sequence{length, max(1, q.Supervised-over)}
			}
			cut = append(cut, q)
		}
		return cut
	}
}
