package peft

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/safetensors"
	"github.com/stablelora/stablelora/internal/vec"
)

// MergeStats counts what rounding did to the elements of a merged tensor.
type MergeStats struct {
	Elements int
	Lost     int // changed by the adapter, but rounded to the value they had
}

// mergeInto returns W + s·(B·A), computed in float32 and rounded once, to nearest
// even, to the format to. W is (Out, In) in F32, F16 or BF16; buf is memory for
// the result's data.
func mergeInto(buf []byte, w safetensors.Tensor, p *Pair, to dtype.DType) (out safetensors.Tensor, stats MergeStats, err error) {
	rows, err := newRowReader(w)
	if err != nil {
		return out, stats, err
	}
	if !slices.Equal(w.Shape, []int{p.Out, p.In}) {
		return out, stats, fmt.Errorf("tensor %q has shape %v, the adapter's pair is for %v", w.Name, w.Shape, []int{p.Out, p.In})
	}
	out = safetensors.Tensor{Name: w.Name, DType: to.String(), Shape: w.Shape, Data: buf[:0]}
	s := float32(p.Scale)
	base, delta := make([]float32, p.In), make([]float32, p.In)
	for i := range p.Out {
		rows.read(base, i*p.In)
		clear(delta)
		for k, b := range p.B.Value.Row(i) { // (B·A)[i,:], one chain over r
			for j, a := range p.A.Value.Row(k) {
				delta[j] += float32(b * a)
			}
		}
		for j, d := range delta {
			delta[j] = float32(s * d)
		}
		var lost int
		out.Data, lost = appendSum(out.Data, base, delta, to)
		stats.Lost += lost
	}
	stats.Elements = p.Out * p.In
	if i := out.FirstNonFinite(); i >= 0 {
		return out, stats, notFinite(w, i, to, fmt.Errorf("NaN or infinity in merged %s, element %d: the adapter seems broken", w.Name, i))
	}
	return out, stats, nil
}

// convertInto returns t rounded to another format.
func convertInto(buf []byte, t safetensors.Tensor, to dtype.DType) (safetensors.Tensor, error) {
	rows, err := newRowReader(t)
	if err != nil {
		return t, err
	}
	out := safetensors.Tensor{Name: t.Name, DType: to.String(), Shape: t.Shape, Data: buf[:0]}
	chunk := make([]float32, 4096)
	for at, n := 0, t.Elements(); at < n; at += len(chunk) {
		part := chunk[:min(len(chunk), n-at)]
		rows.read(part, at)
		out.Data = appendRounded(out.Data, part, to)
	}
	if i := out.FirstNonFinite(); i >= 0 {
		return out, notFinite(t, i, to, nil)
	}
	return out, nil
}

// notFinite says why element i of what became of w is not finite: w itself, the
// format, or else the given cause.
func notFinite(w safetensors.Tensor, i int, to dtype.DType, cause error) error {
	if j := w.FirstNonFinite(); j >= 0 {
		return fmt.Errorf("NaN or infinity in the base model's %s, element %d: the base is damaged", w.Name, j)
	}
	if to == dtype.F16 && w.DType != "F16" {
		return fmt.Errorf("%s, element %d, is beyond F16's largest value 65504; use bf16 or f32", w.Name, i)
	}
	if cause == nil {
		cause = fmt.Errorf("%s, element %d, is beyond the range of %s", w.Name, i, to)
	}
	return cause
}

// rowReader widens pieces of a weight.
type rowReader struct {
	format dtype.DType
	f32    []float32
	u16    []uint16
}

func newRowReader(t safetensors.Tensor) (r rowReader, err error) {
	r.format, err = t.Format()
	switch {
	case err != nil:
	case r.format == dtype.F32:
		r.f32 = t.F32View()
	default:
		r.u16 = t.U16View()
	}
	return r, err
}

// read fills dst with the elements from position at on.
func (r rowReader) read(dst []float32, at int) {
	if r.format == dtype.F32 {
		copy(dst, r.f32[at:])
		return
	}
	vec.Widen(dst, r.u16[at:at+len(dst)], r.format)
}

// appendSum appends base + delta, rounded, and counts the elements that delta
// would have changed but for the rounding.
func appendSum(b []byte, base, delta []float32, to dtype.DType) (_ []byte, lost int) {
	if to == dtype.F32 {
		for j, d := range delta {
			v := base[j] + d
			if v == base[j] && d != 0 {
				lost++
			}
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b, lost
	}
	narrow := to.Encoder()
	for j, d := range delta {
		h := narrow(base[j] + d)
		if d != 0 && h == narrow(base[j]) {
			lost++
		}
		b = binary.LittleEndian.AppendUint16(b, h)
	}
	return b, lost
}

// appendRounded appends values, rounded.
func appendRounded(b []byte, values []float32, to dtype.DType) []byte {
	if to == dtype.F32 {
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b
	}
	halves := make([]uint16, len(values))
	vec.Round(halves, values, to)
	for _, h := range halves {
		b = binary.LittleEndian.AppendUint16(b, h)
	}
	return b
}
