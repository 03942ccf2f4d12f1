package metrics

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/fsutil"
)

func TestItems(t *testing.T) {
	dir := t.TempDir()
	want := &Items{
		HeldOut: []HeldOutItems{{Path: "a.jsonl", Losses: []float64{1.0 / 3, 2}, Tokens: []int{4, 5}}},
		Tasks: []TaskItems{{Task: "piqa", Path: "b", Documents: "00", Metrics: []MetricItems{
			{Key: "acc,none", Adapted: []float64{1, 0, 0, 1}, Base: []float64{0, 0, 0, 1}}, {Key: "acc_norm,none", Adapted: []float64{1}}}}},
	}
	if err := want.Write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := ReadItems(dir)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v, %s", err, d)
	}
	if d := cmp.Diff(map[string]map[string]float64{"piqa": {"acc,none": 0.5, "acc_norm,none": 1}}, got.Figures()); d != "" {
		t.Error(d)
	}
	for _, text := range []string{"", "{", `{"tasks": 1}`} {
		if err := os.WriteFile(filepath.Join(dir, ItemsFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var in *fsutil.InputError
		if _, err := ReadItems(dir); !errors.As(err, &in) {
			t.Errorf("%q: %v", text, err)
		}
	}
	var in *fsutil.InputError
	if _, err := ReadItems(t.TempDir()); !errors.As(err, &in) {
		t.Errorf("absent: %v", err)
	}
}
