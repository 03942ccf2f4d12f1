// Package dtype names the number formats weights are stored in (float32,
// IEEE float16, bfloat16) and converts between them and float32.
//
// It is a leaf: it knows nothing of files, tensors or models. Every rounding is
// to nearest, ties to even; NaN stays NaN.
package dtype
