// Package isa chooses the instruction set that blas and vec compute with. Their
// kernels give the same bits on all of them, so the choice is one of speed, and
// of tests.
//
// It must not know what is computed.
package isa
