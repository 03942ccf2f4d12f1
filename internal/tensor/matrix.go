package tensor

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/vec"
)

// Matrix is a row-major float32 matrix. Row i is Data[i*Stride : i*Stride+Cols].
type Matrix struct {
	Rows, Cols, Stride int
	Data               []float32
}

// New returns a zero matrix.
func New(rows, cols int) Matrix {
	return Matrix{rows, cols, cols, make([]float32, rows*cols)}
}

// FromSlice views data, of rows*cols elements, as a matrix.
func FromSlice(rows, cols int, data []float32) Matrix {
	if len(data) != rows*cols {
		panic(fmt.Sprintf("tensor: %d elements viewed as %d x %d", len(data), rows, cols))
	}
	return Matrix{rows, cols, cols, data}
}

// Row returns row i; writing to it writes to the matrix.
func (m Matrix) Row(i int) []float32 {
	return m.Data[i*m.Stride : i*m.Stride+m.Cols]
}

// RowRange views rows i to j-1.
func (m Matrix) RowRange(i, j int) Matrix {
	if i < 0 || j < i || j > m.Rows {
		panic(fmt.Sprintf("tensor: rows %d:%d of a matrix with %d rows", i, j, m.Rows))
	}
	if i == j {
		return Matrix{0, m.Cols, m.Stride, nil}
	}
	return Matrix{j - i, m.Cols, m.Stride, m.Data[i*m.Stride : (j-1)*m.Stride+m.Cols]}
}

// ColRange views columns i to j-1.
func (m Matrix) ColRange(i, j int) Matrix {
	if i < 0 || j < i || j > m.Cols {
		panic(fmt.Sprintf("tensor: columns %d:%d of a matrix with %d columns", i, j, m.Cols))
	}
	if m.Rows == 0 {
		return Matrix{0, j - i, m.Stride, nil}
	}
	return Matrix{m.Rows, j - i, m.Stride, m.Data[i : (m.Rows-1)*m.Stride+j]}
}

// Zero sets every element to 0.
func (m Matrix) Zero() {
	for i := range m.Rows {
		clear(m.Row(i))
	}
}

// CopyFrom copies src, which has the same shape.
func (m Matrix) CopyFrom(src Matrix) {
	m.mustMatch("CopyFrom", src)
	for i := range m.Rows {
		copy(m.Row(i), src.Row(i))
	}
}

// Add adds src, which has the same shape.
func (m Matrix) Add(src Matrix) {
	m.mustMatch("Add", src)
	if n := m.Rows * m.Cols; m.Stride == m.Cols && src.Stride == m.Cols { // one long row
		parallel.Range(n, elementGrain, func(lo, hi int) { vec.Add(m.Data[lo:hi], src.Data[lo:hi]) })
		return
	}
	for i := range m.Rows {
		vec.Add(m.Row(i), src.Row(i))
	}
}

// Scale multiplies every element by f.
func (m Matrix) Scale(f float32) {
	if n := m.Rows * m.Cols; m.Stride == m.Cols {
		parallel.Range(n, elementGrain, func(lo, hi int) { vec.Scale(m.Data[lo:hi], f) })
		return
	}
	for i := range m.Rows {
		vec.Scale(m.Row(i), f)
	}
}

// elementGrain is how many elements a worker takes at a time.
const elementGrain = 1 << 14

func (m Matrix) mustMatch(op string, o Matrix) {
	if m.Rows != o.Rows || m.Cols != o.Cols {
		panic(fmt.Sprintf("tensor: %s of %d x %d and %d x %d", op, m.Rows, m.Cols, o.Rows, o.Cols))
	}
}
