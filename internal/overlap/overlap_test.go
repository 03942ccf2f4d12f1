package overlap

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFound(t *testing.T) {
	words := func(from, to int) (s string) {
		for i := from; i < to; i++ {
			s += fmt.Sprintf("w%d, ", i)
		}
		return s
	}
	x := New()
	x.Source("a")
	x.Add("a:1", "Ice is  hard.\n", `{"n":1}`)
	x.Add("a:2", "Ice is soft.", `{"n":2}`)
	x.Add("a:3", words(0, 20), `{"n":3}`)
	x.Add("a:4", words(8, 20), `{"n":4}`) // 12 words
	x.Source("b")
	x.Add("b:1", "x", `{"n": 5}`)
	x.Add("b:2", "ice is hard.", `{"n": 6}`)
	x.Add("b:3", "Ice is hard", `{"n": 7}`)
	x.See("t:1", "ice IS hard.", `{}`)
	x.See("t:2", "Ice is hard.", `{}`)
	x.See("t:3", "other", `{"n":2}`)
	x.See("t:4", "before "+words(5, 40), `{}`)
	x.See("t:5", "something", `{"n": 5}`)
	want := []Found{
		{Source: "a", Documents: 4, Same: 2, Shared: 3, First: []Pair{{"a:1", "t:1"}, {"a:2", "t:3"}}},
		{Source: "b", Documents: 3, Same: 2, Shared: 2, First: []Pair{{"b:1", "t:5"}, {"b:2", "t:1"}}},
	}
	if d := cmp.Diff(want, x.Found()); d != "" {
		t.Error(d)
	}
}

// The key of a run is that of its words alone, whatever stood before.
func TestEachRun(t *testing.T) {
	collect := func(text string) (keys []uint64) {
		eachRun(text, func(k uint64) { keys = append(keys, k) })
		return keys
	}
	long, short := collect("x y z a b c d e f g h i j k l m"), collect("A, b c d e f g h-i j K l m.")
	if len(long) != 4 || len(short) != 1 || long[3] != short[0] || long[2] == short[0] {
		t.Errorf("%x, %x", long, short)
	}
}
