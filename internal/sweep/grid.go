package sweep

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Axis is a key of the grid with its values, in YAML as they were written.
type Axis struct {
	Key    string
	Values []string
}

// Grid is every combination of the axes' values, the last axis changing fastest,
// each with every seed. Without seeds the configuration's own is used.
type Grid struct {
	Axes  []Axis
	Seeds []uint64
}

// maxRuns bounds a sweep: beyond it a value too many was written.
const maxRuns = 10000

// reserved are the keys that a sweep gives each run itself.
func reserved() map[string]string {
	return map[string]string{
		"train.seed": "give the seeds with --seeds",
		"output.dir": "each run has a folder of its own below --output",
	}
}

// ParseGrid reads the --grid flags "key=v1,v2" and the --seeds list "1,2,3". What
// is wrong with them is returned, one sentence each; the axes are those that are
// right.
func ParseGrid(flags []string, seeds string) (Grid, []string) {
	var g Grid
	var problems []string
	seen := map[string]bool{}
	for _, flag := range flags {
		axis, err := parseAxis(flag)
		switch why := reserved()[axis.Key]; {
		case err != nil:
		case why != "":
			err = fmt.Errorf("%s is not for the grid: %s", axis.Key, why)
		case seen[axis.Key]:
			err = fmt.Errorf("%s is given twice; write all its values into one --grid", axis.Key)
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("--grid %s: %v", flag, err))
			continue
		}
		seen[axis.Key] = true
		g.Axes = append(g.Axes, axis)
	}
	if seeds != "" {
		var wrong []string
		g.Seeds, wrong = parseSeeds(seeds)
		problems = append(problems, wrong...)
	}
	if n := g.runs(); n > maxRuns {
		problems = append(problems, fmt.Sprintf("--grid and --seeds: more than %d runs; leave out values", maxRuns))
		g.Axes = nil
	}
	return g, problems
}

func parseAxis(flag string) (Axis, error) {
	key, list, found := strings.Cut(flag, "=")
	a := Axis{Key: strings.TrimSpace(key)}
	if !found || a.Key == "" {
		return a, fmt.Errorf("write it as key=value,value, for example --grid lora.r=4,8")
	}
	if strings.TrimSpace(list) == "" {
		return a, fmt.Errorf("the list of values is empty")
	}
	values, err := splitValues(list)
	if err != nil {
		return a, err
	}
	for i, v := range values {
		if v == "" {
			return a, fmt.Errorf("value %d of %d is empty; write '' for an empty text", i+1, len(values))
		}
		if slices.Contains(values[:i], v) {
			return a, fmt.Errorf("the value %s is given twice", v)
		}
	}
	a.Values = values
	return a, nil
}

// splitValues cuts a list at its commas, except those inside of brackets, braces
// and quotes: [q_proj,v_proj],all-linear has two values.
func splitValues(list string) ([]string, error) {
	var values []string
	depth, start := 0, 0
	quote := byte(0)
	fresh := true // a quote here begins a YAML text
	for i := 0; i < len(list); i++ {
		c := list[i]
		switch {
		case quote != 0:
			if c == '\\' && quote == '"' {
				i++
			} else if c == quote {
				quote = 0
			}
			continue
		case fresh && (c == '\'' || c == '"'):
			quote = c
		case c == '[' || c == '{':
			depth++
		case (c == ']' || c == '}') && depth > 0:
			depth--
		case c == ',' && depth == 0:
			values = append(values, strings.TrimSpace(list[start:i]))
			start = i + 1
		}
		fresh = strings.IndexByte(",[{: ", c) >= 0
	}
	if depth > 0 || quote != 0 {
		return nil, fmt.Errorf("a bracket or quote is not closed")
	}
	return append(values, strings.TrimSpace(list[start:])), nil
}

func parseSeeds(list string) (seeds []uint64, problems []string) {
	for text := range strings.SplitSeq(list, ",") {
		seed, err := strconv.ParseUint(strings.TrimSpace(text), 10, 63)
		switch {
		case err != nil:
			problems = append(problems, fmt.Sprintf("--seeds %s: %q is not a whole number from 0 to 2^63-1", list, strings.TrimSpace(text)))
		case slices.Contains(seeds, seed):
			problems = append(problems, fmt.Sprintf("--seeds %s: %d is given twice", list, seed))
		default:
			seeds = append(seeds, seed)
		}
	}
	return seeds, problems
}

// cells is the number of combinations, maxRuns+1 where there are more.
func (g Grid) cells() int {
	n := 1
	for _, a := range g.Axes {
		n = min(n*len(a.Values), maxRuns+1)
	}
	return n
}

func (g Grid) runs() int { return g.cells() * cmp.Or(len(g.Seeds), 1) }

// values returns those of a cell, one for each axis.
func (g Grid) values(cell int) []string {
	values := make([]string, len(g.Axes))
	for i, a := range slices.Backward(g.Axes) {
		values[i] = a.Values[cell%len(a.Values)]
		cell /= len(a.Values)
	}
	return values
}

func (g Grid) keys() []string {
	keys := []string{}
	for _, a := range g.Axes {
		keys = append(keys, a.Key)
	}
	return keys
}
