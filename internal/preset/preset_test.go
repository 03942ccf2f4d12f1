package preset_test

import (
	"testing"

	"github.com/stablelora/stablelora/internal/preset"
)

// The published checkpoints' counts.
func TestParameters(t *testing.T) {
	want := map[string]int64{
		"qwen2-0.5b": 494032768, "qwen2-1.5b": 1543714304, "llama3.2-1b": 1235814400, "llama3.2-3b": 3212749824,
	}
	for _, name := range preset.Names() {
		c, ok := preset.Config(name)
		if !ok {
			t.Fatalf("%s is listed and not there", name)
		}
		if n := c.NumParameters(); n != want[name] {
			t.Errorf("%s has %d parameters, want %d", name, n, want[name])
		}
	}
	if _, ok := preset.Config("qwen2"); ok {
		t.Error("a preset that is not listed")
	}
}
