package model

import (
	"fmt"
	"testing"
)

func TestMicroBatches(t *testing.T) {
	for _, c := range []struct {
		lengths []int
		most    int
		want    string
	}{
		{nil, 4, ""},
		{[]int{10, 20, 30, 40, 50}, 2, "0[10 20] 2[30 40] 4[50] "},
		{[]int{256, 256}, 4, "0[256] 1[256] "},
		{[]int{200, 184, 1}, 4, "0[200 184] 2[1] "},
		{[]int{100, 1000, 100, 100, 100, 85}, 8, "0[100] 1[1000] 2[100 100 100] 5[85] "},
	} {
		got := ""
		for first, micro := range MicroBatches(c.lengths, c.most, func(n int) int { return n }) {
			got += fmt.Sprintf("%d%v ", first, micro)
		}
		if got != c.want {
			t.Errorf("%v, at most %d: got %q, want %q", c.lengths, c.most, got, c.want)
		}
	}
}
