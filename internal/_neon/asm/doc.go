// Package asm writes functions in Go's assembly for 64-bit ARM, with NEON: what
// avo is to the generators of the AVX2 kernels. Vector registers are virtual
// (Vec) and get their numbers when a function ends. Destinations come first, as
// in Arm's manual.
//
// Go's assembler lacks most vector arithmetic, so every vector instruction that
// is not a load or a store is written as a WORD with Arm's text behind it, and
// internal/_neon/check compares the two by means of GNU's assembler.
//
// It must not know what the functions compute.
package asm
