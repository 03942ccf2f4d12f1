package eval

import (
	"fmt"
	"unicode/utf8"

	"github.com/stablelora/stablelora/internal/task"
)

// correct says whether a metric counts the sample as right.
func (q *Questions) correct(metric string, it task.Item, s Sample, filter int) bool {
	switch metric {
	case "acc":
		if q.Task.Kind == task.Likelihood {
			return s.Scores[0].Greedy
		}
		return best(it, s, func(string) float64 { return 1 }) == it.Gold
	case "acc_norm":
		// per character: code points of the choice without the delimiter
		return best(it, s, func(c string) float64 { return float64(utf8.RuneCountInString(c)) }) == it.Gold
	case "acc_bytes":
		return best(it, s, func(c string) float64 { return float64(len(c)) }) == it.Gold
	case "exact_match":
		if q.Task.Kind == task.Choice {
			return s.Scores[it.Gold].Greedy
		}
		return q.Task.Match(s.Filtered[filter], it)
	}
	panic(fmt.Sprintf("eval: no metric %q", metric))
}

// best returns the first choice whose log-likelihood over its length is
// highest.
func best(it task.Item, s Sample, length func(choice string) float64) int {
	best, highest := 0, 0.0
	for i, choice := range it.Choices {
		if v := s.Scores[i].LogLikelihood / length(choice); i == 0 || v > highest {
			best, highest = i, v
		}
	}
	return best
}
