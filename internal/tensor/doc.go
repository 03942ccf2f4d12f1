// Package tensor holds the few shapes of data the numeric code works on:
// Matrix (float32, row-major), Weight (a frozen matrix in the format of its
// file), Param (a trained matrix with its gradient) and TreeSum, which adds the
// gradients of a batch's examples in a fixed order.
//
// It owns the matrix products, which check shapes and then call gonum's BLAS
// interface or blas' entry point for 16-bit weights. It must not know layers,
// models, files or configuration. A wrong shape is a programmer's error and
// panics, with both shapes in the message.
package tensor
