package eval

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/task"
)

// fewshotSeed is the harness's default fewshot_random_seed.
const fewshotSeed = 1234

// addFewshot draws each document's examples and writes them into its prefix.
// One generator serves the task's documents in order, so that those of a
// limited run have the examples they have in the full one.
func (q *Questions) addFewshot() error {
	n := q.NumFewshot
	if n < 0 {
		return fmt.Errorf("task %s: the number of few-shot examples is %d", q.Task.Name, n)
	}
	if n == 0 {
		return nil
	}
	path := q.Spec.FewshotPath
	if path == "" {
		return fmt.Errorf("task %s shows %d examples: name a file to draw them from (fewshot_path, or --fewshot-data %s=FILE), or ask for 0 (num_fewshot, or --num-fewshot)", q.Task.Name, n, q.Task.Name)
	}
	pool, err := readDocuments(q.Task, path)
	if err != nil {
		return err
	}
	d := newDrawer(pool, n, q.Task.DrawsExtra || sameFile(path, q.Spec.Path))
	for i := range q.documents {
		shown, err := d.draw(q.documents[i])
		if err != nil {
			return fsutil.Input(path, err)
		}
		var b strings.Builder
		for _, j := range shown {
			it := pool[j].item
			b.WriteString(it.Context())
			b.WriteString(it.Completion())
			b.WriteString(task.FewshotDelimiter)
		}
		q.documents[i].prefix = b.String()
	}
	return nil
}

// drawer draws n examples from a pool for one document after the other.
type drawer struct {
	rnd   *random
	size  int
	n     int
	extra bool       // draw one more, and never show the document itself
	keys  [][32]byte // identity of each example, if extra
}

func newDrawer(pool []document, n int, extra bool) *drawer {
	d := &drawer{rnd: newRandom(fewshotSeed), size: len(pool), n: n, extra: extra}
	if extra {
		for _, doc := range pool {
			d.keys = append(d.keys, identity(doc))
		}
	}
	return d
}

// draw returns the indices of the examples shown before doc.
func (d *drawer) draw(doc document) ([]int, error) {
	k := d.n
	if d.extra {
		k++
	}
	if k > d.size {
		return nil, fmt.Errorf("the file holds %d documents, but %d are drawn from it for each question; give more, or ask for fewer examples", d.size, k)
	}
	drawn := d.rnd.sample(d.size, k)
	if !d.extra {
		return drawn, nil
	}
	self := identity(doc)
	shown := d.others(drawn, self)
	if len(shown) >= d.n {
		return shown[:d.n], nil
	}
	// The pool holds the document more than once: the harness draws again,
	// from the others.
	all := make([]int, d.size)
	for i := range all {
		all[i] = i
	}
	all = d.others(all, self)
	if d.n > len(all) {
		return nil, fmt.Errorf("the file holds %d documents other than the one asked about, but %d examples are due", len(all), d.n)
	}
	shown = nil
	for _, i := range d.rnd.sample(len(all), d.n) {
		shown = append(shown, all[i])
	}
	return shown, nil
}

func (d *drawer) others(indices []int, self [32]byte) []int {
	var others []int
	for _, i := range indices {
		if d.keys[i] != self {
			others = append(others, i)
		}
	}
	return others
}

// identity is equal for documents with equal fields, in whatever order.
func identity(doc document) [32]byte {
	var fields any
	decoder := json.NewDecoder(bytes.NewReader(doc.raw))
	decoder.UseNumber() // whatever their size
	if err := decoder.Decode(&fields); err != nil {
		panic(err) // records hands out valid JSON only
	}
	sorted, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return sha256.Sum256(sorted)
}
