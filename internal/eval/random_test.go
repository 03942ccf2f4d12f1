package eval

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Vectors from CPython 3.11.7.
func TestRandom(t *testing.T) {
	r := newRandom(1234)
	var words []uint32
	for range 4 {
		words = append(words, r.uint32())
	}
	if d := cmp.Diff([]uint32{4150886329, 3342196574, 1892932127, 501869158}, words); d != "" {
		t.Error(d)
	}
	for range 996 {
		r.uint32()
	}
	// random.Random(1234); [r.getrandbits(32) for _ in range(1001)][1000]
	if got := r.uint32(); got != 3260923217 {
		t.Errorf("word 1000 is %d", got)
	}
}

func TestSample(t *testing.T) {
	for _, tc := range []struct {
		name string
		n, k []int
		want [][]int
	}{
		{"gsm8k", []int{7473, 7473, 7473}, []int{5, 5, 5}, [][]int{{6374, 3610, 957, 61, 742}, {7462, 6610, 4769, 286, 5501}, {5677, 687, 806, 6279, 2905}}},
		{"arc_challenge", []int{1119}, []int{25}, [][]int{{902, 239, 15, 185, 71, 171, 201, 726}}},
		{"from a list", []int{30, 20}, []int{5, 5}, [][]int{{24, 14, 3, 0, 2}, {18, 1, 2, 3, 11}}},
		{"all of them", []int{3, 1, 1}, []int{3, 1, 0}, [][]int{{1, 0, 2}, {0}, {}}},
	} {
		r := newRandom(1234)
		for i, want := range tc.want {
			got := r.sample(tc.n[i], tc.k[i])
			if len(got) != tc.k[i] {
				t.Errorf("%s: %d drawn", tc.name, len(got))
			}
			if d := cmp.Diff(want, got[:len(want)]); d != "" {
				t.Errorf("%s, draw %d: %s", tc.name, i, d)
			}
		}
	}
}

// TestSampleSizes covers both of CPython's methods and the sizes at which it
// changes from one to the other; the digest is that of the same loop there,
// over repr(r.sample(range(n), k)).
func TestSampleSizes(t *testing.T) {
	r, h := newRandom(1234), sha256.New()
	for n := 1; n <= 5000; n++ {
		if n == 120 {
			n = 1000
		} else if n == 1001 {
			n = 5000
		}
		for _, k := range []int{1, 2, 5, 6, 7, 21, 22, 25, 64} {
			if k <= n {
				h.Write([]byte(strings.ReplaceAll(fmt.Sprint(r.sample(n, k)), " ", ", ")))
			}
		}
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != "d79c1721249700244ece0c113c174e5d3bd6516999133dc9486563bb3876a1b5" {
		t.Error("digest", got)
	}
}
