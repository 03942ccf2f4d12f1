package task

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// MetaMath (Yu et al. 2023, meta-math/MetaMath) scores GSM8K with eval_gsm8k.py.

func metamathGSM8K() Task {
	return Task{
		Name: "metamath_gsm8k", Version: 1, Kind: Generate,
		Protocol:        "MetaMath eval_gsm8k.py",
		ZeroShot:        true,
		Metrics:         []string{"exact_match"},
		TargetDelimiter: " ",
		MaxGenToks:      512,
		Until: []string{"Question:", "Question", "USER:", "USER", "ASSISTANT:", "ASSISTANT",
			"Instruction:", "Instruction", "Response:", "Response"},
		Filters:   []Filter{{Name: "the-answer-is", pattern: metamathNumber, extract: metamathAnswer}},
		DocToText: metamathQuestion("{{query}}"), DocToTarget: "{{response.split('#### ')[1]}}",
		parse: metamathDocument(metamathQuestion),
		match: func(answer, reference string) bool {
			v, ok := parseNumber(answer)
			want, _ := parseNumber(reference)
			return ok && v == want
		},
	}
}

// metamathClean asks with the prompt of the training and reads an answer as a
// person would.
func metamathClean() Task {
	t := metamathGSM8K()
	t.Name = "metamath_gsm8k_clean"
	t.Protocol = "GSM8K with the prompt of MetaMath's training; not comparable with published figures"
	t.Until = []string{"### Instruction:"}
	t.Filters = []Filter{{Name: "stated-number", pattern: plainNumber, extract: statedNumber}}
	t.DocToText = MetaMathPrompt("{{query}}")
	t.parse = metamathDocument(MetaMathPrompt)
	t.match = func(answer, reference string) bool {
		v, ok := new(big.Rat).SetString(answer)
		want, wantOK := new(big.Rat).SetString(reference)
		return ok && wantOK && v.Cmp(want) == 0
	}
	return t
}

// metamathDocument words MetaMath's form of GSM8K (query, response) or the
// authors' (question, answer), which hold the same texts.
func metamathDocument(prompt func(query string) string) func(fields) (Item, error) {
	return func(f fields) (Item, error) {
		query, response := "query", "response"
		if !f.has(query, response) {
			query, response = "question", "answer"
		}
		if !f.has(query, response) {
			return Item{}, f.missing("query and response, or question and answer")
		}
		it := Item{Contexts: []string{prompt(f.text(query))}}
		if parts := strings.Split(f.text(response), "#### "); len(parts) > 1 {
			it.Target = strip(strings.ReplaceAll(parts[1], ",", ""))
		}
		if !wholeNumber.MatchString(it.Target) {
			f.fail(errors.New(`its answer has no whole number after "#### "`))
		}
		return it, f.err
	}
}

var (
	wholeNumber    = regexp.MustCompile(`^[+-]?[0-9]+$`)
	metamathNumber = regexp.MustCompile(`[\-+]?\p{Nd}*[\.,/]?\p{Nd}+`) // Python's \d
)

// metamathAnswer reads the number behind the last "The answer is: " and rounds it
// to a whole one, halves to the even one. It knows one separator, so 1,234,567 is
// 1234 to it. Where the original fails with an error (1/00, digits beyond
// float64) it finds nothing.
func metamathAnswer(text, _ string) (string, bool) {
	const says = "The answer is: "
	at := strings.LastIndex(text, says)
	if at < 0 {
		return "", false
	}
	found := metamathNumber.FindString(strip(text[at+len(says):]))
	numerator, denominator, isFraction := strings.Cut(strings.ReplaceAll(found, ",", ""), "/")
	value, ok := parseNumber(numerator)
	if isFraction && ok && denominator != "0" {
		var fraction *big.Rat
		if fraction, ok = new(big.Rat).SetString(asciiDigits(numerator + "/" + denominator)); ok {
			value, _ = fraction.Float64()
		}
	}
	if !ok || math.IsInf(value, 0) {
		return "", false
	}
	return strconv.FormatFloat(math.RoundToEven(value)+0, 'f', -1, 64), true // +0: no -0
}

// parseNumber is Python's float of what a pattern of digits found.
func parseNumber(s string) (float64, bool) {
	v, err := strconv.ParseFloat(asciiDigits(s), 64)
	return v, err == nil || errors.Is(err, strconv.ErrRange)
}

var (
	statesAnswer = regexp.MustCompile(`(?i)answer is:?|####|\\boxed\{`)
	plainNumber  = regexp.MustCompile(`-?\$?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+\b|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)(?:/[0-9]*[1-9][0-9]*)?`)
)

// statedNumber is the first number behind the last phrase that states an answer,
// or where there is none the last of the text.
func statedNumber(text, _ string) (string, bool) {
	var found string
	if states := statesAnswer.FindAllStringIndex(text, -1); states != nil {
		found = plainNumber.FindString(text[states[len(states)-1][1]:])
	}
	if all := plainNumber.FindAllString(text, -1); found == "" && all != nil {
		found = all[len(all)-1]
	}
	return strings.NewReplacer(",", "", "$", "").Replace(found), found != ""
}
