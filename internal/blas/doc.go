// Package blas computes matrix products, for float32 matrices behind gonum's
// BLAS interface and for frozen weights in the 16-bit formats of their files.
//
// Every element of a product is one chain of float32 fused multiply-adds in
// increasing k,
//
//	acc = fma(a[i,k], b[k,j], acc)    k = 0, 1, …, K-1, each rounded once,
//
// that starts at +0 or, where the product is added to C, at C's present value.
//
// Dots, the product of a few rows that decoding needs, has a second rule: an
// element is 16 such chains. With rows filled up with zeros to a multiple of 16,
// lane l takes k = l, l+16, …; lanes are joined in halves, l + (l+8), then
// l + (l+4), …, and C's present value is added last.
//
// So the bits of a result depend on its operands' values alone: not on threads,
// blocking, alignment, layout, the number of rows beside it or the kernel
// (assembly or plain Go). NaN, infinities and subnormals are those of IEEE 754;
// only which NaN comes out is left open.
//
// In the bfloat16 mode (MulTBF16, MulBF16, GemmBF16) both operands, in whatever
// format they are stored, are rounded to bfloat16 as VCVTNE2PS2BF16 does it, and
// a chain is that of VDPBF16PS: k in the order 1, 0, 3, 2, …, an odd K padded
// with one zero, and subnormal operands, sums and elements of C taken as zeros.
// C and the sums stay float32. On all kernels the bits are again the same.
//
// It must not know layers, models or files.
package blas
