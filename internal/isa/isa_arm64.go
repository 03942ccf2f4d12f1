//go:build !noasm

package isa

// detect need not ask: Go runs on no 64-bit ARM processor without NEON, and
// every one has the conversions of float16.
func detect() []Set { return []Set{NEON} }
