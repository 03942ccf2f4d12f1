package task

import (
	"fmt"
	"slices"
	"strings"
)

func parseHellaSwag(f fields) (Item, error) {
	switch {
	case f.has("query", "choices", "gold"):
		return parseFoundry(f)
	case !f.has("activity_label", "endings", "label") || !f.has("ctx_a", "ctx_b") && !f.has("ctx"):
		return Item{}, f.missing("activity_label, ctx_a and ctx_b (or ctx), endings, label")
	}
	var ctx string
	if f.has("ctx_a", "ctx_b") {
		ctx = f.text("ctx_a") + " " + capitalize(f.text("ctx_b"))
	} else {
		ctx = f.text("ctx") // the two joined, not capitalised
	}
	query := cleanHellaSwag(f.text("activity_label") + ": " + ctx)
	var choices []string
	for _, ending := range f.texts("endings") {
		choices = append(choices, cleanHellaSwag(ending))
	}
	return f.choices(query, choices, f.number("label", 0))
}

func parseARC(f fields) (Item, error) {
	it, err := parseScience(f, "question")
	if err == nil {
		it.Contexts[0] = "Question: " + it.Contexts[0] + "\nAnswer:"
	}
	return it, err
}

func parseOpenBookQA(f fields) (Item, error) { return parseScience(f, "question_stem") }

// parseScience reads AI2's science questions: the hub's form, where stem names
// the question's field, AI2's own, or LLM-foundry's. The context is the bare
// question.
func parseScience(f fields, stem string) (Item, error) {
	var question string
	var labels, choices []string
	switch {
	case f.has("query", "choices", "gold"):
		return parseFoundry(f)
	case f.has("question", "answerKey") && f.isObject("question"):
		inner := f.object("question")
		question = inner.text("stem")
		choices, labels = inner.labelled("choices")
	case f.has(stem, "choices", "answerKey"):
		question = f.text(stem)
		choices, labels = f.labelled("choices")
	default:
		return Item{}, f.missing(stem + ", choices (text, label), answerKey; or question (stem, choices), answerKey; or query, choices, gold")
	}
	gold := f.oneOf("answerKey", labels...)
	return f.choices(question, choices, gold)
}

// labelled reads choices with their labels: the hub's object of two lists, or
// AI2's list of objects.
func (f fields) labelled(name string) (choices, labels []string) {
	if f.isList(name) {
		var list []struct{ Text, Label string }
		f.read(name, &list, "a list of objects with text and label")
		for _, c := range list {
			choices, labels = append(choices, c.Text), append(labels, c.Label)
		}
		return choices, labels
	}
	inner := f.object(name)
	choices, labels = inner.texts("text"), inner.texts("label")
	if len(choices) != len(labels) {
		f.fail(fmt.Errorf("field %s has %d texts but %d labels", name, len(choices), len(labels)))
	}
	return choices, labels
}

// parseFoundry reads LLM-foundry's form: query, choices, gold.
func parseFoundry(f fields) (Item, error) {
	return f.choices(f.text("query"), f.texts("choices"), f.number("gold", 0))
}

func parseSocialIQA(f fields) (Item, error) {
	if !f.has("context", "question") {
		return Item{}, f.missing("context, question, answerA, answerB, answerC, label; or context, question, options, answer")
	}
	context := "Q: " + f.text("context") + " " + f.text("question") + "\nA:"
	switch {
	case f.has("answerA", "answerB", "answerC", "label"):
		gold := f.oneOf("label", "1", "2", "3", "A", "B", "C") % 3
		return f.choices(context, []string{f.text("answerA"), f.text("answerB"), f.text("answerC")}, gold)
	case f.has("options", "answer"):
		options := f.texts("options")
		gold := slices.Index(options, f.text("answer"))
		f.state.label, f.wanted = fmt.Sprintf("answer %q", f.text("answer")), "one of the options"
		return f.choices(context, options, gold)
	}
	return Item{}, f.missing("answerA, answerB, answerC and label, or options and answer")
}

func parsePIQA(f fields) (Item, error) {
	if !f.has("goal", "sol1", "sol2", "label") {
		return Item{}, f.missing("goal, sol1, sol2, label")
	}
	context := "Question: " + f.text("goal") + "\nAnswer:"
	return f.choices(context, []string{f.text("sol1"), f.text("sol2")}, f.number("label", 0))
}

// parseWinoGrande puts the options into the context; the continuation is what
// follows the blank, the same for both.
func parseWinoGrande(f fields) (Item, error) {
	if !f.has("sentence", "option1", "option2", "answer") {
		return Item{}, f.missing("sentence, option1, option2, answer")
	}
	options := []string{f.text("option1"), f.text("option2")}
	before, after, found := strings.Cut(f.text("sentence"), "_")
	if !found {
		f.fail(errNoBlank)
	}
	it, err := f.choices("", options, f.number("answer", 1))
	it.Contexts = []string{before + options[0], before + options[1]}
	it.Target = strip(after)
	return it, err
}

// parseBoolQ reads the hub's form (label 0 or 1), SuperGLUE's own (label true
// or false) and the authors' (answer true or false).
func parseBoolQ(f fields) (Item, error) {
	label := "label"
	if !f.has(label) {
		label = "answer"
	}
	if !f.has("passage", "question", label) {
		return Item{}, f.missing("passage, question, label (or answer)")
	}
	context := f.text("passage") + "\nQuestion: " + f.text("question") + "?\nAnswer:"
	gold := f.oneOf(label, "0", "1", "false", "true") % 2
	return f.choices(context, []string{"no", "yes"}, gold)
}
