package optim

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/tensor"
)

func TestMain(m *testing.M) {
	if _, err := blas.Install(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// pairOf wraps copies of A and B.
func pairOf(name string, a, b [][]float64) Pair {
	return Pair{name, paramOf(name+".lora_A.weight", a), paramOf(name+".lora_B.weight", b)}
}

func pairsOf(a, b [][][]float64) []Pair {
	var pairs []Pair
	for i := range a {
		pairs = append(pairs, pairOf(fmt.Sprintf("pair%d", i), a[i], b[i]))
	}
	return pairs
}

func paramOf(name string, rows [][]float64) *tensor.Param {
	p := tensor.NewParam(name, len(rows), len(rows[0]))
	set(p.Value, rows)
	return p
}

func set(m tensor.Matrix, rows [][]float64) {
	for i, row := range rows {
		for j, x := range row {
			m.Row(i)[j] = float32(x)
		}
	}
}

// lossGrads sets g_A = s·Bᵀ·G and g_B = s·G·Aᵀ of a loss gradient G (m, n).
func lossGrads(p Pair, g [][]float64, s float64) {
	a, b := p.A.Value, p.B.Value
	for k := range a.Rows {
		for j := range a.Cols {
			var sum float64
			for i := range b.Rows {
				sum += float64(b.Row(i)[k]) * g[i][j]
			}
			p.A.Grad.Row(k)[j] = float32(s * sum)
		}
		for i := range b.Rows {
			var sum float64
			for j := range a.Cols {
				sum += g[i][j] * float64(a.Row(k)[j])
			}
			p.B.Grad.Row(i)[k] = float32(s * sum)
		}
	}
}

// maxDiff is the largest absolute difference; NaN counts as infinite.
func maxDiff(got tensor.Matrix, want [][]float64) float64 {
	var d float64
	for i, row := range want {
		for j, w := range row {
			e := math.Abs(float64(got.Row(i)[j]) - w)
			if !(e <= d) {
				d = e
			}
			if math.IsNaN(e) {
				return math.Inf(1)
			}
		}
	}
	return d
}

func mustNew(t *testing.T, name string, pairs []Pair, hp Hyper) Optimizer {
	t.Helper()
	o, err := New(name, pairs, hp)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// randomPairs are three pairs of different shapes, the same for the same seed;
// B is small but not zero.
func randomPairs(seed uint64) []Pair {
	r := rand.New(rand.NewPCG(seed, 1))
	var pairs []Pair
	for k, s := range [][3]int{{2, 5, 3}, {1, 4, 4}, {3, 2, 6}} {
		name := fmt.Sprintf("layers.%d", k)
		p := Pair{name, tensor.NewParam(name+".A", s[0], s[1]), tensor.NewParam(name+".B", s[2], s[0])}
		fill(p.A.Value, r, 1)
		fill(p.B.Value, r, 0.01)
		pairs = append(pairs, p)
	}
	return pairs
}

func randomGrads(pairs []Pair, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	for _, p := range pairs {
		fill(p.A.Grad, r, 1)
		fill(p.B.Grad, r, 1)
	}
}

func fill(m tensor.Matrix, r *rand.Rand, scale float64) {
	for i := range m.Data {
		m.Data[i] = float32(scale * r.NormFloat64())
	}
}

// bits is everything the optimizer and its pairs hold, for comparing exactly.
func bits(o Optimizer, pairs []Pair) string {
	var b []byte
	add := func(m tensor.Matrix) {
		for _, x := range m.Data {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	}
	for _, p := range pairs {
		add(p.A.Value)
		add(p.B.Value)
	}
	for _, t := range o.Tensors() {
		add(t.Value)
	}
	return string(b)
}

// shared returns the content of a file of the shared fixtures, or skips.
func shared(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../../shared/fixtures/" + name)
	if os.IsNotExist(err) {
		t.Skip("the shared fixtures are not here: ../shared/fixtures/" + name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sharedJSON(t *testing.T, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(shared(t, name), v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// sharedTensors reads the floats of a safetensors fixture, each tensor cut into
// matrices of its last two dimensions; a vector is one row.
func sharedTensors(t *testing.T, name string) map[string][][][]float64 {
	t.Helper()
	data := shared(t, name)
	n := binary.LittleEndian.Uint64(data)
	var header map[string]struct {
		DType   string
		Shape   []int
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(data[8:8+n], &header); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	out := map[string][][][]float64{}
	for key, h := range header {
		if h.DType != "F32" && h.DType != "F64" { // token ids and flags: not used here
			continue
		}
		raw := data[8+int(n)+h.Offsets[0] : 8+int(n)+h.Offsets[1]]
		var flat []float64
		for len(raw) > 0 {
			if h.DType == "F32" {
				flat = append(flat, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
				raw = raw[4:]
			} else {
				flat = append(flat, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
				raw = raw[8:]
			}
		}
		rows, cols := 1, h.Shape[len(h.Shape)-1]
		if len(h.Shape) > 1 {
			rows = h.Shape[len(h.Shape)-2]
		}
		for len(flat) > 0 {
			var m [][]float64
			for range rows {
				m, flat = append(m, flat[:cols]), flat[cols:]
			}
			out[key] = append(out[key], m)
		}
	}
	return out
}
