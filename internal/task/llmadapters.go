package task

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// LLM-Adapters (Hu et al. 2023, AGI-Edgerunners/LLM-Adapters): records of
// instruction, input, output and answer. commonsense_evaluate.py lets the model
// write by beam search and takes the first option it names; evaluate.py, for
// mathematics, the last number.

// llmAdaptersOptions are the answers that each dataset of the eight knows.
var llmAdaptersOptions = []struct {
	dataset string
	options []string
}{
	{"boolq", []string{"true", "false"}},
	{"piqa", []string{"solution1", "solution2"}},
	{"social_i_qa", answers1to5},
	{"hellaswag", []string{"ending1", "ending2", "ending3", "ending4"}},
	{"winogrande", []string{"option1", "option2"}},
	{"arc_easy", answers1to5},
	{"arc_challenge", answers1to5},
	{"openbookqa", answers1to5},
}

var answers1to5 = []string{"answer1", "answer2", "answer3", "answer4", "answer5"}

// llmAdaptersLead stands before the answer in every output of the eight.
const llmAdaptersLead = "the correct answer is"

func llmAdapters() []Task {
	var all []Task
	for _, d := range llmAdaptersOptions {
		all = append(all, llmAdaptersCommonsense(d.dataset, d.options), llmAdaptersClean(d.dataset, d.options))
	}
	return append(all, llmAdaptersMath())
}

func llmAdaptersCommonsense(dataset string, options []string) Task {
	return Task{
		Name: "llm_adapters_" + dataset, Version: 1, Kind: Generate,
		Protocol:        "LLM-Adapters commonsense_evaluate.py",
		ZeroShot:        true,
		Metrics:         []string{"exact_match"},
		TargetDelimiter: " ",
		Beams:           4, MaxGenToks: 32,
		Until:     []string{"### Response:"},
		Filters:   []Filter{{Name: "first-option", pattern: regexp.MustCompile("(" + strings.Join(options, "|") + ")")}},
		DocToText: llmAdaptersQuestion("{{instruction}}"), DocToTarget: "{{answer}}",
		parse: func(f fields) (Item, error) {
			if !f.has("instruction", "answer") {
				return Item{}, f.missing("instruction, answer")
			}
			it := Item{Contexts: []string{llmAdaptersQuestion(f.text("instruction"))}}
			if gold := f.oneOf("answer", options...); gold >= 0 {
				it.Target = options[gold]
			} else {
				f.fail(f.noChoice(len(options)))
			}
			return it, f.err
		},
		match: func(answer, reference string) bool { return answer == reference },
	}
}

// llmAdaptersClean asks with the prompt of the training and compares the
// log-likelihoods of the options that the instruction offers.
func llmAdaptersClean(dataset string, options []string) Task {
	return Task{
		Name: "llm_adapters_" + dataset + "_clean", Version: 1,
		Protocol:        "LLM-Adapters' records with the prompt of their training; not comparable with published figures",
		Metrics:         []string{"acc"},
		TargetDelimiter: " ",
		DocToText:       LLMAdaptersPrompt("{{instruction}}", "") + llmAdaptersLead,
		DocToTarget:     "{{answer}}", DocToChoice: `{{instruction.split("Answer format: ")[-1].split("/")}}`,
		parse: func(f fields) (Item, error) {
			if !f.has("instruction", "answer") {
				return Item{}, f.missing("instruction, answer")
			}
			var input string
			if f.has("input") {
				input = f.text("input")
			}
			instruction := f.text("instruction")
			choices := offered(instruction, options)
			return f.choices(LLMAdaptersPrompt(instruction, input)+llmAdaptersLead, choices, f.oneOf("answer", choices...))
		},
	}
}

// offered are the options that an instruction ends with ("Answer format:
// answer1/answer2"); all where it does not.
func offered(instruction string, options []string) []string {
	const format = "Answer format: "
	if at := strings.LastIndex(instruction, format); at >= 0 {
		list := strings.Split(strip(instruction[at+len(format):]), "/")
		if !slices.ContainsFunc(list, func(o string) bool { return !slices.Contains(options, o) }) {
			return list
		}
	}
	return options
}

var lastNumber = regexp.MustCompile(`-?\p{Nd}+\.?\p{Nd}*`) // Python's \d

// llmAdaptersMath takes the last number, or where the answer is a letter (AQuA) the
// first of A to E.
func llmAdaptersMath() Task {
	t := Task{
		Name: "llm_adapters_math", Version: 1, Kind: Generate,
		Protocol:        "LLM-Adapters evaluate.py",
		ZeroShot:        true,
		Metrics:         []string{"exact_match"},
		TargetDelimiter: " ",
		Beams:           4, MaxGenToks: 256,
		Until:     []string{"### Response:"},
		Filters:   []Filter{{Name: "last-number", pattern: lastNumber, last: true, extract: llmAdaptersNumber}},
		DocToText: llmAdaptersQuestion("{{instruction}}"), DocToTarget: "{{answer}}",
		match: func(answer, reference string) bool {
			if isLetter(reference) {
				return answer == reference
			}
			v, ok := parseNumber(answer)
			want, _ := parseNumber(reference)
			return ok && math.Abs(want-v) <= 0.001
		},
	}
	t.parse = func(f fields) (Item, error) {
		if !f.has("instruction", "answer") {
			return Item{}, f.missing("instruction, answer")
		}
		it := Item{Contexts: []string{llmAdaptersQuestion(f.text("instruction"))}, Target: f.label("answer")}
		if _, ok := parseNumber(it.Target); !ok && !isLetter(it.Target) {
			f.fail(fmt.Errorf("its answer %q is neither a number nor a letter from A to E", it.Target))
		}
		return it, f.err
	}
	return t
}

func llmAdaptersNumber(text, reference string) (string, bool) {
	if isLetter(reference) {
		at := strings.IndexAny(text, "ABCDE")
		if at < 0 {
			return "", false
		}
		return text[at : at+1], true
	}
	all := lastNumber.FindAllString(strings.ReplaceAll(text, ",", ""), -1)
	if len(all) == 0 {
		return "", false
	}
	return all[len(all)-1], true
}

func isLetter(answer string) bool { return len(answer) == 1 && strings.Contains("ABCDE", answer) }
