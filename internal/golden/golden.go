package golden

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stablelora/stablelora/internal/safetensors"
)

// Shared returns the path of a fixture in the folder "shared" beside the
// checkout and skips the test where it is absent.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			break
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
		} else {
			err = os.ErrNotExist
		}
	}
	path := filepath.Join(append([]string{dir, "..", "shared"}, elem...)...)
	if _, e := os.Stat(path); err != nil || e != nil {
		t.Skipf("no %s: the larger fixtures are not beside this checkout; testdata covers the same ground in small", filepath.Join(elem...))
	}
	return path
}

// File is an open file of golden tensors.
type File struct {
	t testing.TB
	f *safetensors.File
}

// Open opens a safetensors file for the test's duration.
func Open(t testing.TB, path string) *File {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &File{t, f}
}

// Has reports whether the file holds a tensor.
func (g *File) Has(name string) bool { _, ok := g.f.Tensor(name); return ok }

// Shape returns a tensor's shape.
func (g *File) Shape(name string) []int { g.t.Helper(); return g.tensor(name).Shape }

// Floats returns a float32 or float64 tensor.
func (g *File) Floats(name string) []float64 {
	g.t.Helper()
	x := g.tensor(name)
	if x.DType == "F64" {
		out := make([]float64, x.Elements())
		for i := range out {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(x.Data[8*i:]))
		}
		return out
	}
	f, err := x.Float32s()
	if err != nil {
		g.t.Fatal(err)
	}
	out := make([]float64, len(f))
	for i, v := range f {
		out[i] = float64(v)
	}
	return out
}

// Ints returns an int64 or uint8 tensor.
func (g *File) Ints(name string) []int {
	g.t.Helper()
	x := g.tensor(name)
	if x.DType == "U8" {
		out := make([]int, len(x.Data))
		for i, v := range x.Data {
			out[i] = int(v)
		}
		return out
	}
	if x.DType != "I64" {
		g.t.Fatalf("%s is %s, not I64 or U8", name, x.DType)
	}
	out := make([]int, x.Elements())
	for i := range out {
		out[i] = int(int64(binary.LittleEndian.Uint64(x.Data[8*i:])))
	}
	return out
}

func (g *File) tensor(name string) safetensors.Tensor {
	g.t.Helper()
	x, ok := g.f.Tensor(name)
	if !ok {
		g.t.Fatalf("no tensor %s in %s", name, g.f.Path())
	}
	return x
}

// RelativeError is ‖got − want‖ / ‖want‖ (Frobenius).
func RelativeError(got []float32, want []float64) float64 {
	var diff, norm float64
	for i, w := range want {
		d := float64(got[i]) - w
		diff += d * d
		norm += w * w
	}
	if norm == 0 {
		return math.Sqrt(diff)
	}
	return math.Sqrt(diff / norm)
}

// MaxError is the largest |got − want|.
func MaxError(got []float32, want []float64) float64 {
	worst := 0.0
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); d > worst || d != d {
			worst = d
		}
	}
	return worst
}
