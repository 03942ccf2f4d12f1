package metrics

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/fsutil"
)

func ptr(x float64) *float64 { return &x }

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLogWritesTheContractsRows(t *testing.T) {
	dir := t.TempDir()
	for run := range 2 { // the second run appends
		l, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		step := StepRow{run + 1, 0.5, 0.1, 1e-4, 1.0 / 3, 120, 40, 1234.5, 2}
		if err := l.Step(step, []StabilityRow{
			{run + 1, "model.layers.0.self_attn.q_proj", 1.5, 0, true, ptr(1e-9), ptr(0), ptr(2)},
			{Step: run + 1, Module: "a<b", NormA: 1, NormB: 1e22},
		}); err != nil {
			t.Fatal(err)
		}
		if err := l.Eval(EvalRow{Step: run + 1, EvalLoss: ptr(2.25)}); err != nil {
			t.Fatal(err)
		}
		if err := l.Eval(EvalRow{Step: run + 1, Tasks: map[string]map[string]float64{"t": {"b": 1, "acc,none": 0.25}}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(step string) (string, string) {
		return `{"step":` + step + `,"epoch":0.5,"loss":0.1,"learning_rate":0.0001,"grad_norm":0.3333333333333333,"tokens":120,"supervised_tokens":40,"tokens_per_second":1234.5,"elapsed_seconds":2}
{"step":` + step + `,"eval_loss":2.25}
{"step":` + step + `,"tasks":{"t":{"acc,none":0.25,"b":1}}}
`, `{"step":` + step + `,"module":"model.layers.0.self_attn.q_proj","norm_a":1.5,"norm_b":0,"shrinking":true,"delta1":1e-9,"delta2":0,"delta3":2}
{"step":` + step + `,"module":"a<b","norm_a":1,"norm_b":1e+22,"shrinking":false}
`
	}
	m1, s1 := rows("1")
	m2, s2 := rows("2")
	if diff := cmp.Diff(m1+m2, read(t, filepath.Join(dir, MetricsFile))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", MetricsFile, diff)
	}
	if diff := cmp.Diff(s1+s2, read(t, filepath.Join(dir, StabilityFile))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", StabilityFile, diff)
	}
}

func TestLogRefusesNumbersJSONLacks(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, err := range map[string]error{
		MetricsFile:   l.Step(StepRow{Step: 1, Loss: math.NaN()}, nil),
		StabilityFile: l.Step(StepRow{Step: 1}, []StabilityRow{{Step: 1}, {Step: 1, NormA: math.Inf(1)}}),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error is %v", name, err)
		}
		if got := read(t, filepath.Join(dir, name)); got != "" {
			t.Errorf("%s holds %q", name, got)
		}
	}
}

func TestCutBack(t *testing.T) {
	const one, two, three = "{\"step\":1,\"learning_rate\":2}\n", "{\"step\":2,\"module\":\"m\"}\n", "{\"step\":3,\"module\":\"m\"}\n"
	const evalOne, evalTwo = "{\"step\":1,\"eval_loss\":2}\n", "{\"step\":2,\"tasks\":{}}\n"
	for _, c := range []struct {
		name, content string
		step          int
		want          string // what is left
		wantErr       string
		steps         int // that have a row left
	}{
		{"beyond", one + one + two + three, 2, one + one + two, "", 2},
		{"evaluations", one + evalOne + two + evalTwo, 2, one + evalOne + two, "", 2},
		{"nothing beyond", one + two, 5, one + two, "", 2},
		{"everything", one + two, 0, "", "", 0},
		{"torn last line", one + two + `{"step":2,"lo`, 2, one + two, "", 2},
		{"torn with newline", one + "{\"st\n", 2, one, "", 1},
		{"torn after a cut", one + three + `{"st`, 2, one, "", 1},
		{"empty", "", 2, "", "", 0},
		{"broken beyond", one + three + "x\n" + three, 2, one, "", 1},
		{"broken before", one + "x\n" + two, 2, "", ":2: not a row with a step", 0},
		{"no step", one + "{}\n" + two, 2, "", ":2: not a row with a step", 0},
		{"fraction", "{\"step\":1.5}\n" + two, 2, "", ":1: not a row with a step", 0},
		{"endless line", one + strings.Repeat("x", 2*maxLine), 2, "", ":2: longer than any row", 0},
	} {
		path := filepath.Join(t.TempDir(), MetricsFile)
		if err := os.WriteFile(path, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		steps, err := CutBack(path, c.step)
		if steps != c.steps {
			t.Errorf("%s: %d steps are left, want %d", c.name, steps, c.steps)
		}
		if c.wantErr != "" {
			var in *fsutil.InputError
			if !errors.As(err, &in) || !strings.Contains(err.Error(), MetricsFile+c.wantErr) {
				t.Errorf("%s: error is %v, want %q", c.name, err, c.wantErr)
			}
			c.want = c.content // untouched
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := read(t, path); got != c.want {
			t.Errorf("%s: %q is left, want %q", c.name, got, c.want)
		}
	}
	if steps, err := CutBack(filepath.Join(t.TempDir(), "absent"), 1); steps != 0 || err != nil {
		t.Errorf("absent file: %d, %v", steps, err)
	}
}

// FuzzCutBack: what stays is the file's beginning, and stays when cut again.
func FuzzCutBack(f *testing.F) {
	f.Add([]byte("{\"step\":1,\"learning_rate\":1}\n{\"step\":2,\"eval_loss\":1}\n{\"st"), 2)
	f.Fuzz(func(t *testing.T, file []byte, step int) {
		length, _, err := kept("f", bytes.NewReader(file), step)
		if err != nil {
			if input := (*fsutil.InputError)(nil); !errors.As(err, &input) {
				t.Errorf("not an input error: %v", err)
			}
			return
		}
		if length < 0 || length > int64(len(file)) {
			t.Fatalf("%d of %d bytes stay", length, len(file))
		}
		if again, _, err := kept("f", bytes.NewReader(file[:length]), step); err != nil || again != length {
			t.Errorf("%q is cut again: %d, %v", file[:length], again, err)
		}
	})
}
