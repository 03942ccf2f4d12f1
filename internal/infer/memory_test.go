package infer

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/stablelora/stablelora/internal/cost"
)

func TestCheckCaches(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("free memory is known on Linux alone")
	}
	e := tiny(t, "qwen2")
	if err := e.CheckCaches([]int32{1, 2}, 10, 4); err != nil {
		t.Error(err)
	}
	var short *cost.MemoryError
	if err := e.CheckCaches([]int32{1, 2}, 10, 1<<40); !errors.As(err, &short) || !strings.Contains(err.Error(), "--num-beams") {
		t.Errorf("a cache for each of 2^40 beams: %v", err)
	}
}
