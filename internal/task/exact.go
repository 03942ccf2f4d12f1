package task

import "strings"

// Exact says how exact_match compares an answer with the reference.
type Exact struct {
	Ignore                                      []*Pattern // deleted from both sides, one after the other
	IgnoreCase, IgnorePunctuation, IgnoreDigits bool
}

// gsm8kExact is that of the GSM8K tasks: without commas, dollar signs, a final
// dot and whatever stands before "#### ", whatever the case.
var gsm8kExact = &Exact{
	Ignore:     []*Pattern{mustPattern(","), mustPattern(`\$`), mustPattern(`(?s).*#### `), mustPattern(`\.$`)},
	IgnoreCase: true,
}

// Equal says whether an answer is the reference.
func (e *Exact) Equal(answer, reference string) bool {
	return e.normalise(answer) == e.normalise(reference)
}

// punctuation is Python's string.punctuation.
const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

func (e *Exact) normalise(s string) string {
	for _, p := range e.Ignore {
		s = p.Delete(s)
	}
	if e.IgnoreCase {
		s = lower(s)
	}
	drop := ""
	if e.IgnorePunctuation {
		drop = punctuation
	}
	if e.IgnoreDigits {
		drop += "0123456789"
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(drop, r) {
			return -1
		}
		return r
	}, s)
}
