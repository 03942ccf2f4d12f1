//go:build !noasm

package isa

import "golang.org/x/sys/cpu"

func detect() []Set {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && hasF16C() {
		return []Set{AVX2}
	}
	return nil
}

// hasF16C says whether the processor has VCVTPH2PS, the one feature here that
// golang.org/x/sys/cpu has no name for.
func hasF16C() bool
