package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

type story struct {
	Ind           int      `json:"ind"`
	ActivityLabel string   `json:"activity_label"`
	CtxA          string   `json:"ctx_a"`
	CtxB          string   `json:"ctx_b"`
	Ctx           string   `json:"ctx"`
	Endings       []string `json:"endings"`
	Label         int      `json:"label"`
	Split         string   `json:"split"`
}

type problem struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

func read[T any](t *testing.T, name string) []T {
	t.Helper()
	raw, err := files.ReadFile("data/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out []T
	for i, line := range bytes.Split(bytes.TrimSpace(raw), []byte("\n")) {
		var v T
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s:%d: %v", name, i+1, err)
		}
		out = append(out, v)
	}
	return out
}

func TestWriteTo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	paths, err := WriteTo(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"data/gsm8k_test.jsonl", "data/gsm8k_train.jsonl", "data/hellaswag_test.jsonl", "data/hellaswag_train.jsonl",
		"model/config.json", "model/generation_config.json", "model/model.safetensors", "model/tokenizer.json",
		"model/tokenizer_config.json",
	}
	var total int64
	for i, path := range paths {
		rel, _ := filepath.Rel(dir, path)
		if i >= len(want) || filepath.ToSlash(rel) != want[i] {
			t.Errorf("wrote %s, which nobody expects at place %d", rel, i)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if len(paths) != len(want) {
		t.Errorf("wrote %d files, want %d", len(paths), len(want))
	}
	if total > 5e6 {
		t.Errorf("the demo has %d bytes, want at most 5 MB", total)
	}

	// A second time nothing is touched, not even what is missing.
	if err := os.Remove(paths[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteTo(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("writing over a demo: %v, want fs.ErrExist", err)
	}
	if _, err := os.Stat(paths[0]); err == nil {
		t.Error("the refused call wrote a file")
	}
}

// Nothing that is held out may be met in training, or the gain is memory.
func TestHellaswagSplits(t *testing.T) {
	train, test := read[story](t, "hellaswag_train.jsonl"), read[story](t, "hellaswag_test.jsonl")
	if len(train) < 600 || len(test) != 300 {
		t.Errorf("%d and %d stories, want at least 600 and 300", len(train), len(test))
	}
	seen, trained := map[string]bool{}, map[string]bool{}
	for _, s := range train {
		seen[s.Ctx] = true
		seen[strings.Fields(s.Ctx)[0]] = true // the person
		trained[s.ActivityLabel] = true
	}
	fresh, gold, endings := 0, make([]int, 4), map[string]string{}
	for _, s := range test {
		if seen[s.Ctx] || seen[strings.Fields(s.Ctx)[0]] {
			t.Errorf("story or person is in both files: %s", s.Ctx)
		}
		if !trained[s.ActivityLabel] {
			fresh++
		}
	}
	if fresh != len(test)/2 {
		t.Errorf("%d stories of activities that training does not know, want half", fresh)
	}
	for _, s := range slices.Concat(train, test) {
		if len(s.Endings) != 4 || s.Label < 0 || s.Label > 3 || s.Ctx != s.CtxA+" "+s.CtxB {
			t.Fatalf("ill-formed story %+v", s)
		}
		gold[s.Label]++
		// Every story of an activity has the same endings, so they alone cannot tell which is right.
		set := strings.Join(slices.Sorted(slices.Values(s.Endings)), "|")
		if known, ok := endings[s.ActivityLabel]; ok && known != set {
			t.Errorf("stories of %s have different endings: %s and %s", s.ActivityLabel, known, set)
		}
		endings[s.ActivityLabel] = set
	}
	n := len(train) + len(test)
	for i, g := range gold {
		if g < n*20/100 || g > n*30/100 {
			t.Errorf("the right ending is at place %d in %d of %d stories, want about a quarter", i, g, n)
		}
	}
}

func TestGSM8KSplits(t *testing.T) {
	train, test := read[problem](t, "gsm8k_train.jsonl"), read[problem](t, "gsm8k_test.jsonl")
	if len(train) < 600 || len(test) != 300 {
		t.Errorf("%d and %d problems, want at least 600 and 300", len(train), len(test))
	}
	seen := map[string]bool{}
	for _, p := range train {
		seen[p.Question] = true
		seen[strings.Fields(p.Question)[0]] = true // the person
		seen[chain(t, p)] = true
	}
	for _, p := range test {
		if seen[p.Question] || seen[strings.Fields(p.Question)[0]] || seen[chain(t, p)] {
			t.Errorf("question, person or chain of sums is in both files: %s", p.Question)
		}
	}
}

var mark = regexp.MustCompile(`(\d+)([-+*])(\d+)=<<(\d+)([-+*])(\d+)=(\d+)>>(\d+) `)

// chain checks every sum of an answer and returns them in one line.
func chain(t *testing.T, p problem) string {
	t.Helper()
	body, final, ok := strings.Cut(p.Answer, "\n#### ")
	marks := mark.FindAllStringSubmatch(body, -1)
	if !ok || len(marks) < 2 || len(marks) != strings.Count(body, "\n")+1 {
		t.Fatalf("not a sum a line and a result: %q", p.Answer)
	}
	last := ""
	var sums []string
	for i, m := range marks {
		a, _ := strconv.Atoi(m[1])
		b, _ := strconv.Atoi(m[3])
		c := map[string]int{"+": a + b, "-": a - b, "*": a * b}[m[2]]
		last = strconv.Itoa(c)
		if m[1] != m[4] || m[2] != m[5] || m[3] != m[6] || m[7] != last || m[8] != last || c < 0 || c > 99 {
			t.Errorf("wrong sum in line %d of %q", i+1, p.Answer)
		}
		sums = append(sums, m[1]+m[2]+m[3])
	}
	if final != last {
		t.Errorf("result %s after a chain that ends in %s: %q", final, last, p.Answer)
	}
	return strings.Join(sums, " ")
}
