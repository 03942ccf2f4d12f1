package tensor

import (
	"fmt"

	"github.com/stablelora/stablelora/internal/blas"
)

// Dots is MulT for few rows, by the second rule of package blas: it reads w once
// and packs nothing. It takes float32 inputs whatever w's Compute: nothing is
// gained by rounding them.
func Dots(y, x Matrix, w *Weight) {
	if x.Cols != w.Cols || y.Rows != x.Rows || y.Cols != w.Rows {
		panic(fmt.Sprintf("tensor: Dots y %d x %d = x %d x %d · (%s %d x %d)ᵀ",
			y.Rows, y.Cols, x.Rows, x.Cols, w.Name, w.Rows, w.Cols))
	}
	blas.Dots(y.Data, y.Stride, x.Data, x.Stride, x.Rows, w.Source, false)
}

// MatMulRows is MatMul for few rows x, on the calling goroutine: the same bits
// without packing b.
func MatMulRows(y, x, b Matrix, acc bool) {
	if x.Cols != b.Rows || y.Rows != x.Rows || y.Cols != b.Cols {
		panic(fmt.Sprintf("tensor: MatMulRows y %d x %d = x %d x %d · b %d x %d", y.Rows, y.Cols, x.Rows, x.Cols, b.Rows, b.Cols))
	}
	blas.MulRows(y.Data, y.Stride, x.Data, x.Stride, x.Rows, b.Data, b.Stride, b.Cols, b.Rows, acc)
}

// MatDots is MatMulT for few rows x, by the second rule of package blas.
func MatDots(y, x, b Matrix, acc bool) {
	if x.Cols != b.Cols || y.Rows != x.Rows || y.Cols != b.Rows {
		panic(fmt.Sprintf("tensor: MatDots y %d x %d = x %d x %d · (b %d x %d)ᵀ", y.Rows, y.Cols, x.Rows, x.Cols, b.Rows, b.Cols))
	}
	blas.DotsF32(y.Data, y.Stride, x.Data, x.Stride, x.Rows, b.Data, b.Stride, b.Rows, b.Cols, acc)
}
