package safetensors

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stablelora/stablelora/internal/dtype"
)

// tensor16 stores values in a 16-bit format.
func tensor16(d dtype.DType, values ...float32) Tensor {
	t := Tensor{Name: "t", DType: d.String(), Shape: []int{len(values)}}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint16(t.Data, d.Encoder()(v))
	}
	return t
}

func TestFloat32s(t *testing.T) {
	values := []float32{0, 1.5, -2.25, 0.0009765625, 30000}
	for _, x := range []Tensor{F32Tensor("t", []int{5}, values), tensor16(dtype.F16, values...), tensor16(dtype.BF16, values...)} {
		want := slices.Clone(values)
		if x.DType == "BF16" {
			want[4] = 29952 // eight bits of mantissa
		}
		if got, err := x.Float32s(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", x.DType, got, err, want)
		}
	}
	_, err := Tensor{Name: "w", DType: "I64", Shape: []int{1}, Data: make([]byte, 8)}.Float32s()
	if want := `tensor "w" has dtype I64; supported are F32, F16 and BF16`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// Views alias aligned memory and copy misaligned memory; the values are the same.
func TestViews(t *testing.T) {
	f := F32Tensor("t", []int{3}, []float32{1, -2, 3})
	h := tensor16(dtype.BF16, 1, -2, 3)
	for shift := range 4 {
		move := func(x Tensor) Tensor {
			x.Data = append(make([]byte, 32)[shift:shift], x.Data...) // the allocation itself is aligned
			return x
		}
		mf, mh := move(f), move(h)
		if got := mf.F32View(); !slices.Equal(got, []float32{1, -2, 3}) {
			t.Errorf("shift %d: F32View = %v", shift, got)
		}
		if got := mh.U16View(); !slices.Equal(got, []uint16{0x3f80, 0xc000, 0x4040}) {
			t.Errorf("shift %d: U16View = %#x", shift, got)
		}
		mf.Data[3], mh.Data[1] = 0x40, 0x40 // 1 becomes 4 and 4
		mf.Data[2], mh.Data[0] = 0x80, 0x80
		if got := mf.F32View()[0]; got != 4 {
			t.Errorf("shift %d: view after a write = %v", shift, got)
		}
	}
	if n := testing.AllocsPerRun(10, func() { f.F32View(); h.U16View() }); n != 0 {
		t.Errorf("aligned views allocate %v times", n)
	}
	if v := (Tensor{DType: "F32", Shape: []int{0}}).F32View(); len(v) != 0 {
		t.Errorf("view of nothing = %v", v)
	}
}

func TestFirstNonFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	const n = 37 // two blocks of 32 bytes and a rest in every format
	for _, d := range []string{"F64", "F32", "F16", "BF16"} {
		for at := range n {
			for _, bad := range []float32{inf, -inf, nan} {
				values := make([]float32, n)
				for i := range values {
					values[i] = [...]float32{0, 1, -65504, 65504, 6e-8}[i%5]
				}
				if got := encode(t, d, values).FirstNonFinite(); got != -1 {
					t.Fatalf("%s: finite values, found %d", d, got)
				}
				values[at], values[n-1] = bad, bad
				if got := encode(t, d, values).FirstNonFinite(); got != at {
					t.Fatalf("%s: %v at %d, found %d", d, bad, at, got)
				}
			}
		}
	}
	if got := (Tensor{DType: "I32", Shape: []int{1}, Data: []byte{0, 0, 0xc0, 0x7f}}).FirstNonFinite(); got != -1 {
		t.Errorf("an integer tensor: %d", got)
	}
}

func encode(t *testing.T, d string, values []float32) Tensor {
	t.Helper()
	switch d {
	case "F32":
		return F32Tensor("t", []int{len(values)}, values)
	case "F16":
		return tensor16(dtype.F16, values...)
	case "BF16":
		return tensor16(dtype.BF16, values...)
	}
	x := Tensor{Name: "t", DType: d, Shape: []int{len(values)}}
	for _, v := range values {
		x.Data = binary.LittleEndian.AppendUint64(x.Data, math.Float64bits(float64(v)))
	}
	return x
}

func BenchmarkFirstNonFinite(b *testing.B) {
	x := Tensor{DType: "BF16", Shape: []int{1 << 24}, Data: make([]byte, 1<<25)}
	b.SetBytes(1 << 25)
	for range b.N {
		x.FirstNonFinite()
	}
}
