package task

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestPatterns compares with Python and the harness (scripts/golden/patterns.py).
func TestPatterns(t *testing.T) {
	data, err := os.ReadFile("testdata/patterns.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Texts    []string
		Patterns []struct {
			Pattern string
			Found   [][2]string
			Deleted []string
		}
		Exact []struct {
			Options struct {
				Case        bool     `json:"ignore_case"`
				Punctuation bool     `json:"ignore_punctuation"`
				Numbers     bool     `json:"ignore_numbers"`
				Regexes     []string `json:"regexes_to_ignore"`
			}
			Answer, Reference string
			Match             bool
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, g := range golden.Patterns {
		p, err := CompilePattern(g.Pattern)
		if err != nil {
			t.Error(err)
			continue
		}
		for i, text := range golden.Texts {
			for j, index := range []int{0, -1} {
				f := Filter{Steps: []Step{{Function: "regex", Pattern: p, Index: index, Fallback: "none"}}}
				if got := f.Apply(text, ""); got != g.Found[i][j] && !p.MatchesNothing() {
					t.Errorf("%s in %q, %d: %q, want %q", g.Pattern, text, index, got, g.Found[i][j])
				}
			}
			if got := p.Delete(text); got != g.Deleted[i] {
				t.Errorf("%q without %s: %q, want %q", text, g.Pattern, got, g.Deleted[i])
			}
		}
	}
	for _, g := range golden.Exact {
		e := Exact{IgnoreCase: g.Options.Case, IgnorePunctuation: g.Options.Punctuation, IgnoreDigits: g.Options.Numbers}
		for _, r := range g.Options.Regexes {
			e.Ignore = append(e.Ignore, mustPattern(r))
		}
		if got := e.Equal(g.Answer, g.Reference); got != g.Match {
			t.Errorf("%+v: %v", g, got)
		}
	}
	if len(golden.Patterns) < 30 || len(golden.Exact) < 200 {
		t.Error("vectors are missing")
	}
}

// TestPatternRefuses: what Go would match in another way is refused.
func TestPatternRefuses(t *testing.T) {
	for pattern, want := range map[string]string{
		`(?=a)`:         "is not supported",
		`(a)\1`:         `\1 is not supported`,
		`a$b`:           "$ is supported at its end only",
		`(a$)`:          "$ is supported at its end only",
		`[\W]`:          `\W inside brackets`,
		`\pL`:           `\p is not supported`,
		`[[:x:]]`:       "[: inside brackets",
		`(?U)a*`:        "the flag U",
		`(`:             "is not supported",
		"\xff":          "not UTF-8",
		`a\`:            "ends with a backslash",
		`(a{999}){999}`: "is not supported",
	} {
		if _, err := CompilePattern(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", pattern, err, want)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`(?P<a>[^\]\d]+)|\s{,3}\.$`, "a b 12.\n")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if p, err := CompilePattern(pattern); err == nil {
			p.Find(text, -1)
			p.Delete(text)
		}
	})
}
