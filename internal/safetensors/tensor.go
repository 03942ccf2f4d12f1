package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/stablelora/stablelora/internal/dtype"
)

// Tensor is one entry of a file: row-major, little-endian. Data of a tensor read
// from a file aliases the mapping: it is read-only and ends with File.Close.
type Tensor struct {
	Name  string
	DType string // the format's name: "F32", "F16", "BF16", "I64", …
	Shape []int
	Data  []byte
}

// F32Tensor stores data, of the given shape, as a tensor of its own memory.
func F32Tensor(name string, shape []int, data []float32) Tensor {
	t := Tensor{Name: name, DType: "F32", Shape: shape}
	if t.Elements() != len(data) {
		panic(fmt.Sprintf("safetensors: %d values for shape %v", len(data), shape))
	}
	t.Data = make([]byte, 0, 4*len(data))
	for _, v := range data {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

// Elements is the number of elements, 1 for a scalar.
func (t Tensor) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Format returns the number format of a weight; a dtype that weights cannot have
// is an error that names it.
func (t Tensor) Format() (dtype.DType, error) {
	for _, d := range [...]dtype.DType{dtype.F32, dtype.F16, dtype.BF16} {
		if t.DType == d.String() {
			return d, nil
		}
	}
	return 0, fmt.Errorf("tensor %.200q has dtype %s; supported are F32, F16 and BF16", t.Name, t.DType)
}

// Float32s returns a widened copy of an F32, F16 or BF16 tensor.
func (t Tensor) Float32s() ([]float32, error) {
	d, err := t.Format()
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(t.Data)/d.Size())
	if d == dtype.F32 {
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		}
		return out, nil
	}
	widen := d.Decoder()
	for i := range out {
		out[i] = widen(binary.LittleEndian.Uint16(t.Data[2*i:]))
	}
	return out, nil
}

// F32View returns the elements of an F32 tensor, without copying where memory
// alignment allows it. Treat the result as read-only.
func (t Tensor) F32View() []float32 {
	if t.DType != "F32" {
		panic("safetensors: F32View of a tensor of dtype " + t.DType)
	}
	if v, ok := view[float32](t.Data); ok {
		return v
	}
	out, _ := t.Float32s()
	return out
}

// U16View returns the bit patterns of an F16 or BF16 tensor, without copying
// where memory alignment allows it. Treat the result as read-only.
func (t Tensor) U16View() []uint16 {
	if t.DType != "F16" && t.DType != "BF16" {
		panic("safetensors: U16View of a tensor of dtype " + t.DType)
	}
	if v, ok := view[uint16](t.Data); ok {
		return v
	}
	out := make([]uint16, len(t.Data)/2)
	for i := range out {
		out[i] = binary.LittleEndian.Uint16(t.Data[2*i:])
	}
	return out
}

// view reinterprets little-endian bytes in place. It fails where an element would
// be misaligned and on a big-endian machine.
func view[T float32 | uint16](b []byte) ([]T, bool) {
	var zero T
	size := unsafe.Sizeof(zero)
	if len(b) == 0 {
		return nil, true
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%size != 0 || binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, false
	}
	return unsafe.Slice((*T)(p), len(b)/int(size)), true
}

// FirstNonFinite returns the index of the first NaN or infinity of an F64, F32,
// F16 or BF16 tensor, or -1; other dtypes are not examined.
func (t Tensor) FirstNonFinite() int {
	// An element is not finite when all its exponent bits are set. Adding the
	// lowest exponent bit then carries into the sign's place, which was masked
	// out; no other value does, and nothing carries into a neighbour. So eight
	// bytes are tested at once.
	var exponent, lowest, sign uint64
	var size int
	switch t.DType {
	case "F64":
		exponent, lowest, sign, size = 0x7ff0000000000000, 0x0010000000000000, 1<<63, 8
	case "F32":
		exponent, lowest, sign, size = 0x7f8000007f800000, 0x0080000000800000, 0x8000000080000000, 4
	case "F16":
		exponent, lowest, sign, size = 0x7c007c007c007c00, 0x0400040004000400, 0x8000800080008000, 2
	case "BF16":
		exponent, lowest, sign, size = 0x7f807f807f807f80, 0x0080008000800080, 0x8000800080008000, 2
	default:
		return -1
	}
	bad := func(w uint64) uint64 { return (w&exponent + lowest) & sign }
	b, done := t.Data, 0
	for ; len(b) >= 32; b, done = b[32:], done+32 {
		w0, w1 := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		w2, w3 := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
		if bad(w0)|bad(w1)|bad(w2)|bad(w3) != 0 {
			break
		}
	}
	for ; len(b) >= size; b, done = b[size:], done+size {
		var w [8]byte
		copy(w[:], b[:size])
		if bad(binary.LittleEndian.Uint64(w[:])) != 0 {
			return done / size
		}
	}
	return -1
}
