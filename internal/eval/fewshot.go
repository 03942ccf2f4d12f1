package eval

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/task"
)

// fewshotSeed is the harness's default fewshot_random_seed.
const fewshotSeed = 1234

// examples returns what is shown before a document; it is to be called for one
// after the other. One generator serves the task's documents in order, so that
// those of a limited run have the examples they have in the full one.
func (q *Questions) examples() (func(document) ([]task.Item, error), error) {
	n, own, path := q.NumFewshot, q.Task.Examples, q.Spec.FewshotPath
	switch {
	case n < 0:
		return nil, fmt.Errorf("task %s: the number of few-shot examples is %d", q.Task.Name, n)
	case own != nil && path != "":
		return nil, fmt.Errorf("task %s shows examples of its own, not those of %s; leave out the file (fewshot_path, or --fewshot-data)", q.Task.Name, path)
	case own != nil && n > len(own):
		return nil, fmt.Errorf("task %s has %d examples, %d are asked for; ask for fewer (num_fewshot, or --num-fewshot)", q.Task.Name, len(own), n)
	case own != nil || n == 0:
		return func(document) ([]task.Item, error) { return own[:n], nil }, nil
	case path == "" && (q.Task.Own == nil || q.Task.Own.Samples == nil):
		return nil, fmt.Errorf("task %s shows %d examples: name a file to draw them from (fewshot_path, or --fewshot-data %s=FILE), or ask for 0 (num_fewshot, or --num-fewshot)", q.Task.Name, n, q.Task.Name)
	}
	pool, err := q.pool()
	if err != nil {
		return nil, err
	}
	d := newDrawer(pool, n, q.Task.DrawsExtra || q.Task.Own == nil && sameFile(path, q.Spec.Path))
	d.first = q.Task.Own != nil && q.Task.Own.FirstN
	return func(doc document) ([]task.Item, error) {
		drawn, err := d.draw(doc)
		if err != nil {
			return nil, fsutil.Input(cmp.Or(path, q.Spec.Name), err) // a task file holds its own
		}
		var shown []task.Item
		for _, i := range drawn {
			shown = append(shown, pool[i].item)
		}
		return shown, nil
	}, nil
}

// pool holds the documents that few-shot examples are drawn from.
func (q *Questions) pool() ([]document, error) {
	if path := q.Spec.FewshotPath; path != "" {
		return readDocuments(q.Task, path)
	}
	var pool []document
	for _, s := range q.Task.Own.Samples {
		pool = append(pool, document{raw: s.Raw, item: s.Item})
	}
	return pool, nil
}

// drawer draws n examples from a pool for one document after the other.
type drawer struct {
	rnd   *random
	size  int
	n     int
	extra bool       // draw one more, and never show the document itself
	keys  [][32]byte // identity of each example, if extra
	first bool       // take the first ones
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
	if d.first {
		return d.firstOnes(doc)
	}
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
	all := d.others(count(d.size), self)
	if d.n > len(all) {
		return nil, fmt.Errorf("the file holds %d documents other than the one asked about, but %d examples are due", len(all), d.n)
	}
	shown = nil
	for _, i := range d.rnd.sample(len(all), d.n) {
		shown = append(shown, all[i])
	}
	return shown, nil
}

// firstOnes are the first examples that are not doc.
func (d *drawer) firstOnes(doc document) ([]int, error) {
	all := count(d.size)
	if d.extra {
		all = d.others(all, identity(doc))
	}
	if d.n > len(all) {
		return nil, fmt.Errorf("the file holds %d documents to show, but %d are due; give more, or ask for fewer examples", len(all), d.n)
	}
	return all[:d.n], nil
}

// count returns the numbers from 0 to n-1.
func count(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
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
