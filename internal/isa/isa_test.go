package isa

import (
	"slices"
	"testing"
)

func TestChoose(t *testing.T) {
	defer Use(Current())
	missing := func(s Set) bool { return !slices.Contains(Available(), s) }
	for _, c := range []struct {
		value string
		want  Set
		fails bool
	}{
		{"", best(), false}, {"portable", Portable, false}, {"neon", NEON, missing(NEON)}, {"avx2", AVX2, missing(AVX2)},
		{"avx512", AVX512, missing(AVX512)}, {"avx512bf16", AVX512BF16, missing(AVX512BF16)},
		{"sse", 0, true},
	} {
		t.Setenv(Variable, c.value)
		err := Choose()
		if (err != nil) != c.fails || err == nil && Current() != c.want {
			t.Errorf("%s=%q: %v, error %v", Variable, c.value, Current(), err)
		}
	}
}

func TestAvailable(t *testing.T) {
	defer Use(Current())
	sets := Available()
	if sets[0] != Portable || !slices.Contains(sets, Current()) {
		t.Errorf("%v with %v in use", sets, Current())
	}
	for _, s := range sets {
		if Use(s); Current() != s {
			t.Errorf("%v in use, want %v", Current(), s)
		}
	}
}
