package eval

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"

	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/records"
	"github.com/stablelora/stablelora/internal/task"
	"github.com/stablelora/stablelora/internal/taskfile"
)

// TaskSpec says what to evaluate on.
type TaskSpec struct {
	Name        string  // of a task, or the path of a task file
	Path        string  // the evaluated documents
	FewshotPath string  // where few-shot examples are drawn from
	NumFewshot  *int    // nil: the task's own number; a ZeroShot task shows none
	Limit       float64 // 0: all documents; below 1: that fraction, rounded up; else that many
	Prompt      Prompt  // how a question is written
}

// Questions are a task's documents, worded and with their few-shot examples.
type Questions struct {
	Task       *task.Task
	Spec       TaskSpec
	NumFewshot int
	Original   int // documents in the file; more than asked where there is a limit
	documents  []document
}

// document is a row of a data file.
type document struct {
	where    string // path:line
	raw      json.RawMessage
	item     task.Item
	contexts []string // the whole prompt, examples included: one, or one per choice as the item's
}

// Hash is the SHA-256 of what is asked: the task, its version, and every document
// with its prompt.
func (q *Questions) Hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %v %d\n", q.Task.Name, q.Task.Version, q.NumFewshot)
	if q.Task.Own != nil {
		fmt.Fprintf(h, "%q\n", q.Task.Own.Config)
	}
	for _, d := range q.documents {
		fmt.Fprintf(h, "%q %q %q\n", d.raw, d.contexts, d.item.Delimiter)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Len returns how many documents are asked.
func (q *Questions) Len() int { return len(q.documents) }

// Texts calls fn with each document's context and right answer, and its record.
func (q *Questions) Texts(fn func(where, text, raw string)) {
	for _, d := range q.documents {
		fn(d.where, d.item.Context()+d.item.Completion(), string(d.raw))
	}
}

// Load reads the documents of spec and writes their prompts. Broken
// files give an *fsutil.InputError; other errors are the spec's.
func Load(spec TaskSpec) (*Questions, error) {
	t, err := taskfile.Find(spec.Name)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, fmt.Errorf("no task %q; there are %v", spec.Name, task.Names())
	}
	if t.Own != nil {
		spec.Path, spec.FewshotPath = cmp.Or(spec.Path, t.Own.Path), cmp.Or(spec.FewshotPath, t.Own.FewshotPath)
	}
	if spec.Path == "" {
		return nil, fmt.Errorf("task %s: no data file is named; give --data %s=FILE", t.Name, t.Name)
	}
	if spec.Limit < 0 || math.IsNaN(spec.Limit) {
		return nil, fmt.Errorf("task %s: limit is %v, it must be a number of documents or a fraction", t.Name, spec.Limit)
	}
	q := &Questions{Task: t, Spec: spec, NumFewshot: t.DefaultFewshot}
	if spec.NumFewshot != nil && !t.ZeroShot {
		q.NumFewshot = *spec.NumFewshot
	}
	documents, err := readDocuments(t, spec.Path)
	if err != nil {
		return nil, err
	}
	q.Original = len(documents)
	q.documents = documents[:limit(spec.Limit, len(documents))]
	return q, q.write()
}

func limit(limit float64, n int) int {
	switch {
	case limit == 0 || limit >= float64(n):
		return n
	case limit < 1:
		return int(math.Ceil(limit * float64(n)))
	}
	return int(limit)
}

func readDocuments(t *task.Task, path string) ([]document, error) {
	var documents []document
	var columns taskfile.Columns
	err := records.Read(path, func(where string, raw json.RawMessage) error {
		it, err := t.Parse(raw)
		if err == nil && t.Own != nil {
			err = columns.Check(where, raw)
		}
		if err != nil {
			return fsutil.Input(where, err)
		}
		documents = append(documents, document{where: where, raw: raw, item: it})
		return nil
	})
	return documents, err
}

// sameFile says whether two paths name one file, as far as their text tells.
func sameFile(a, b string) bool { return filepath.Clean(a) == filepath.Clean(b) }
