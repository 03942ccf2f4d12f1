// Package blas computes matrix products, for float32 matrices behind gonum's
// BLAS interface and for frozen weights in the 16-bit formats of their files.
//
// Every element of every product is one chain of float32 fused multiply-adds in
// increasing k,
//
//	acc = fma(a[i,k], b[k,j], acc)    k = 0, 1, …, K-1, each rounded once,
//
// that starts at +0 or, where the product is added to C, at C's present value.
// So the bits of a result depend on its operands' values alone: not on threads,
// blocking, alignment, layout, the number of rows beside it or the kernel (AVX2
// assembly or plain Go). NaN, infinities and subnormals are those of IEEE 754;
// only which NaN comes out is left open.
//
// It must not know layers, models or files.
package blas
