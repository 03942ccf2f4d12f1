package eval

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/infer"
)

// byteModel is a Model whose tokens are bytes; 256 is BOS, 257 EOS. Tests set
// how it scores and writes.
type byteModel struct {
	bos, max int
	score    func(context, continuation string) Score
	reply    func(prompt string) string
	prompts  []string // what Generate and BeamSearch were given
	beams    []int    // of each BeamSearch
	requests []Request
}

func (m *byteModel) Encode(text string, addSpecial bool) []int32 {
	var ids []int32
	if addSpecial && m.bos > 0 {
		ids = append(ids, int32(m.bos))
	}
	for len(text) > 0 {
		if strings.HasPrefix(text, "<s>") {
			ids, text = append(ids, 256), text[3:]
			continue
		}
		ids, text = append(ids, int32(text[0])), text[1:]
	}
	return ids
}

func (m *byteModel) Decode(ids []int32, skipSpecial bool) string {
	var b []byte
	for _, id := range ids {
		switch {
		case id < 256:
			b = append(b, byte(id))
		case !skipSpecial:
			b = append(b, []string{"<s>", "</s>", "<|im_end|>"}[id-256]...)
		}
	}
	return string(b)
}

func (m *byteModel) PrefixToken() int32 {
	if m.bos > 0 {
		return int32(m.bos)
	}
	return 257
}

func (m *byteModel) EOSText() string { return "</s>" }
func (m *byteModel) MaxLength() int  { return m.max }

func (m *byteModel) Score(ctx context.Context, groups iter.Seq[[]Request], each func([]Score) error) error {
	for reqs := range groups {
		var scores []Score
		for _, r := range reqs {
			scores = append(scores, m.score(m.Decode(r.Tokens[:r.From], true), m.Decode(r.Tokens[r.From:], true)))
		}
		m.requests = append(m.requests, reqs...)
		if err := each(scores); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (m *byteModel) Generate(ctx context.Context, prompts iter.Seq[[]int32], maxNew int, stop func([]int32) bool, each func([]int32) error) error {
	for prompt := range prompts {
		text := m.Decode(prompt, false)
		m.prompts = append(m.prompts, text)
		var ids []int32
		for _, id := range m.Encode(m.reply(text), false) {
			if ids = append(ids, id); len(ids) == maxNew || stop(ids) {
				break
			}
		}
		if err := each(ids); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (m *byteModel) BeamSearch(ctx context.Context, prompts iter.Seq[[]int32], beams, maxNew int, each func(infer.Hypothesis) error) error {
	m.beams = append(m.beams, beams)
	never := func([]int32) bool { return false }
	return m.Generate(ctx, prompts, maxNew, never, func(ids []int32) error { return each(infer.Hypothesis{Tokens: ids}) })
}

// jsonLines reads a file, .gz or not, as JSON lines.
func jsonLines[T any](t *testing.T, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var rows []T
	for d := json.NewDecoder(bufio.NewReader(r)); d.More(); {
		var row T
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func jsonFile[T any](t *testing.T, path string) T {
	t.Helper()
	rows := jsonLines[T](t, path)
	if len(rows) != 1 {
		t.Fatalf("%s holds %d documents", path, len(rows))
	}
	return rows[0]
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(bytes.TrimSuffix(data, []byte("\n"))), "\n")
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustLoad(t *testing.T, spec TaskSpec) *Questions {
	t.Helper()
	q, err := Load(spec)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func mustRun(t *testing.T, q *Questions, m Model, opts Options) *TaskResult {
	t.Helper()
	r, err := q.Run(t.Context(), m, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// metricValue returns the mean of a metric by its key.
func metricValue(t *testing.T, r *TaskResult, key string) float64 {
	t.Helper()
	i := slices.IndexFunc(r.Metrics, func(m Metric) bool { return m.Key() == key })
	if i < 0 {
		t.Fatalf("no metric %s", key)
	}
	return r.Metrics[i].Mean()
}
