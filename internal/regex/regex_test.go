package regex

import (
	"strings"
	"testing"
)

func TestCompile(t *testing.T) {
	for _, expr := range []string{"", "a|b", `(q|k|v)_proj`, strings.Repeat("model.layers.0.q_proj|", 1000)} {
		if _, err := Compile(expr); err != nil {
			t.Errorf("%.80s: %v", expr, err)
		}
	}
	for expr, want := range map[string]string{
		"(":                                      "missing closing",
		strings.Repeat("a", 1<<20):               "longer than",
		strings.Repeat("(.?){1000}|", 200) + "a": "written out",
	} {
		if _, err := Compile(expr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", expr, err, want)
		}
	}
}
