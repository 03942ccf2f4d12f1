package tensor

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/vec"
)

// Weight is a frozen matrix in the number format of its file.
type Weight struct {
	Name string // as in the file
	blas.Source
	Compute Compute // of MulT and Mul
}

// NewWeight names a matrix.
func NewWeight(name string, s blas.Source) *Weight { return &Weight{Name: name, Source: s} }

// Row writes row i, widened to float32, to dst (Cols).
func (w *Weight) Row(i int, dst []float32) {
	if i < 0 || i >= w.Rows || len(dst) != w.Cols {
		panic(fmt.Sprintf("tensor: row %d of %s, %d x %d, into %d elements", i, w.Name, w.Rows, w.Cols, len(dst)))
	}
	lo, hi := i*w.Cols, (i+1)*w.Cols
	if w.DType == dtype.F32 {
		copy(dst, w.F32[lo:hi])
	} else {
		vec.Widen(dst, w.U16[lo:hi], w.DType)
	}
}
