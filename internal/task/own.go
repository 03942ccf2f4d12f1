package task

import "encoding/json"

// Own is what a task file says of a user's own task.
type Own struct {
	Word             func(document json.RawMessage) (Item, error)
	FewshotDelimiter string
	FirstN           bool      // the first few-shot examples are shown, none is drawn
	Samples          []Example // few-shot examples written in the file; nil: from a data file
	Path             string    // the documents; "": to be named elsewhere
	FewshotPath      string    // where few-shot examples come from; "" as with Path
	OneStop          bool      // until is written as one text, not as a list
	Unversioned      bool      // it has no version
	Config           []Setting // the file's keys
}

// Example is a document and its wording.
type Example struct {
	Raw  json.RawMessage
	Item Item
}

// Setting is a key of a task file and its value.
type Setting struct {
	Name  string
	Value json.RawMessage
}

// FewshotDelimiter stands between few-shot examples, and between the last of
// them and the question.
func (t *Task) FewshotDelimiter() string {
	if t.Own != nil {
		return t.Own.FewshotDelimiter
	}
	return "\n\n"
}
