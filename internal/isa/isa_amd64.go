//go:build !noasm

package isa

import "golang.org/x/sys/cpu"

var best = detect()

func detect() Set {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && hasF16C() {
		return AVX2
	}
	return Portable
}

// hasF16C says whether the processor has VCVTPH2PS, the one feature here that
// golang.org/x/sys/cpu has no name for.
func hasF16C() bool
