package eval

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stablelora/stablelora/internal/task"
)

// Values from Python's Fraction: twice the sum of comb(n, k) / 2**n.
func TestMcNemar(t *testing.T) {
	for _, tc := range []struct {
		b, c int
		want float64
	}{
		{0, 0, 1}, {1, 0, 1}, {3, 3, 1}, {5, 0, 0.0625}, {2, 9, 0.0654296875},
		{100, 160, 0.00023894190306814023}, {1200, 1000, 2.1817026407914712e-05}, {0, 1100, 0},
	} {
		got, mirrored := McNemar(tc.b, tc.c), McNemar(tc.c, tc.b)
		if math.Abs(got-tc.want) > 1e-15*tc.want || got != mirrored {
			t.Errorf("%d and %d: %v, %v, want %v", tc.b, tc.c, got, mirrored, tc.want)
		}
	}
}

func TestCompare(t *testing.T) {
	result := func(values ...float64) *TaskResult {
		return &TaskResult{Questions: &Questions{Task: &task.Task{Name: "x"}}, Metrics: []Metric{{Name: "acc", Filter: "none", Values: values}}}
	}
	got, err := Compare(result(0, 0, 1, 1), result(1, 0, 1, 1))
	want := []Difference{{Key: "acc,none", Value: 0.25, Stderr: 0.25, HasStderr: true, PValue: 1}}
	if d := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-15)); err != nil || d != "" {
		t.Error(err, d)
	}
	got, err = Compare(result(0), result(1))
	if d := cmp.Diff([]Difference{{Key: "acc,none", Value: 1, PValue: 1}}, got); err != nil || d != "" {
		t.Error(err, d)
	}
	if _, err := Compare(result(0, 1), result(1)); err == nil || !strings.Contains(err.Error(), "not of the same documents") {
		t.Error(err)
	}
}
