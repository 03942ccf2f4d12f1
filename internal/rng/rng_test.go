package rng

import (
	"math"
	"slices"
	"testing"
)

// The streams are part of what makes a run reproducible between versions.
func TestPinned(t *testing.T) {
	s := New(42, "order", 3)
	got := []uint64{s.Uint64(), s.Uint64()}
	if want := []uint64{0x958c743e0122f3db, 0x24a22a69f15a8dfa}; !slices.Equal(got, want) {
		t.Errorf("stream changed: %#x, want %#x", got, want)
	}
	if got, want := New(0, "perm").Perm(8), []int{7, 5, 2, 1, 0, 6, 4, 3}; !slices.Equal(got, want) {
		t.Errorf("Perm changed: %v, want %v", got, want)
	}
}

func TestKeysMatter(t *testing.T) {
	seen := map[uint64]string{}
	for name, s := range map[string]*Stream{
		"base": New(1, "a"), "seed": New(2, "a"), "seed zero": New(0, "a"), "purpose": New(1, "b"),
		"key": New(1, "a", 0), "other key": New(1, "a", 1), "two keys": New(1, "a", 0, 1), "swapped": New(1, "a", 1, 0),
	} {
		v := s.Uint64()
		if other, ok := seen[v]; ok {
			t.Errorf("%s and %s draw the same", name, other)
		}
		seen[v] = name
	}
}

func TestMoments(t *testing.T) {
	const n = 200000
	s := New(7, "moments")
	var sum, sq, usum, usq float64
	for range n {
		x, u := s.Normal(), s.Uniform(-1, 1)
		sum, sq, usum, usq = sum+x, sq+x*x, usum+u, usq+u*u
	}
	// Four standard errors of each estimate.
	for _, c := range []struct {
		name       string
		got, want  float64
		oneSampleD float64
	}{
		{"normal mean", sum / n, 0, 1}, {"normal square", sq / n, 1, math.Sqrt2},
		{"uniform mean", usum / n, 0, math.Sqrt(1. / 3)}, {"uniform square", usq / n, 1. / 3, math.Sqrt(4. / 45)},
	} {
		if math.Abs(c.got-c.want) > 4*c.oneSampleD/math.Sqrt(n) {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestPermIsUniform(t *testing.T) {
	var count [3][3]int
	for k := range uint64(6000) {
		for i, v := range New(1, "p", k).Perm(3) {
			count[i][v]++
		}
	}
	for i := range count {
		for v, c := range count[i] {
			if c < 1800 || c > 2200 { // 2000 expected, deviation 36
				t.Errorf("value %d at place %d: %d of 6000", v, i, c)
			}
		}
	}
}
