package task

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// Kind is how a task asks its question.
type Kind int

const (
	Choice     Kind = iota // the likeliest of several given continuations wins
	Generate               // the model writes, and the answer is looked for in its text
	Likelihood             // of one given continuation: is it what the model would write?
)

// Task is one evaluation task.
type Task struct {
	Name    string
	Version float64
	Kind    Kind
	// Metrics in the harness's order: acc, acc_norm, acc_bytes, exact_match.
	// Higher is better for all of them.
	Metrics        []string
	DefaultFewshot int
	// ZeroShot says that no few-shot examples are shown, whatever is asked for:
	// the harness does so where a task's own num_fewshot is 0.
	ZeroShot bool
	// Examples are shown from the first on, in place of any from a file.
	Examples []Item
	// TargetDelimiter stands between a context and what follows it.
	TargetDelimiter string
	// DrawsExtra says that each few-shot draw asks for one example more than
	// shown and drops the evaluated document from it. The harness does so for
	// tasks that configure neither test_split nor fewshot_split.
	DrawsExtra bool
	// Until holds the texts that end a generation; Generate only.
	Until []string
	// Beams is the number of beams of a generation's beam search; 0: it is greedy.
	Beams int
	// MaxGenToks is how many tokens are generated at most; 0: the harness's number.
	MaxGenToks int
	// Arguments names the generation arguments in their order: until,
	// do_sample (false), temperature (0); nil: all three.
	Arguments []string
	// Filters take the answer out of a generation, each giving a figure of its
	// own; Generate only.
	Filters []Filter
	// Exact is how exact_match compares; nil: as the GSM8K tasks do.
	Exact *Exact
	// Extends says that the harness adds the fields query, choices and gold to
	// each document, which its document hashes then cover.
	Extends bool
	// The wording in the harness's own terms (Jinja), for results files;
	// DocToChoice is "" for Generate.
	DocToText, DocToTarget, DocToChoice string

	// Own is what a task file says besides; nil for the tasks built in.
	Own *Own

	// Protocol names whose rules these are where they are not the harness's.
	Protocol string

	parse func(fields) (Item, error)
	match func(answer, reference string) bool // nil: Exact's
}

// Item is one document, worded.
type Item struct {
	Contexts  []string // one; winogrande has one per choice
	Choices   []string // in order, without the delimiter; nil for Generate, one for Likelihood
	Gold      int      // index of the right choice
	Target    string   // Generate: the reference answer; winogrande: what follows the blank; else, of a task file, as it gives it
	Delimiter string   // stands between context and continuation
	Lead      string   // stands before the few-shot examples: a task's description
}

// Context returns the context of the gold answer.
func (it Item) Context() string {
	if len(it.Contexts) > 1 {
		return it.Contexts[it.Gold]
	}
	return it.Contexts[0]
}

// Completion returns the delimiter and the right answer: what a model is
// trained to write after Context.
func (it Item) Completion() string {
	if it.Choices == nil {
		return it.Delimiter + it.Target
	}
	return it.Delimiter + it.Continuation(it.Gold)
}

// Continuation returns, without the delimiter, the text whose likelihood is
// choice i's score.
func (it Item) Continuation(i int) string {
	if len(it.Contexts) > 1 {
		return it.Target
	}
	return it.Choices[i]
}

// Match says whether an answer that a filter found is right.
func (t *Task) Match(answer string, it Item) bool {
	if t.match != nil {
		return t.match(answer, it.Target)
	}
	return cmp.Or(t.Exact, gsm8kExact).Equal(answer, it.Target)
}

// Parse words one document. Errors name the fields that were looked for and
// those that are there.
func (t *Task) Parse(raw json.RawMessage) (Item, error) {
	it, err := t.word(raw)
	if err != nil {
		return Item{}, fmt.Errorf("not a %s document: %w", t.Name, err)
	}
	if t.Kind != Likelihood { // whose continuation is taken as it stands
		it.Delimiter = t.TargetDelimiter
	}
	return it, nil
}

func (t *Task) word(raw json.RawMessage) (Item, error) {
	if t.Own != nil {
		return t.Own.Word(raw)
	}
	f, err := readFields(raw)
	if err != nil {
		return Item{}, err
	}
	return t.parse(f)
}
