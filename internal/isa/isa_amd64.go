//go:build !noasm

package isa

import "golang.org/x/sys/cpu"

func detect() []Set {
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !hasF16C() {
		return nil
	}
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL || !x.HasBMI2 {
		return []Set{AVX2}
	}
	if !x.HasAVX512BF16 {
		return []Set{AVX2, AVX512}
	}
	if dotProductsAreSlow() {
		return []Set{AVX2, AVX512BF16, AVX512}
	}
	return []Set{AVX2, AVX512, AVX512BF16}
}

// dotProductsAreSlow says that VDPBF16PS does fewer multiply-adds a second than
// VFMADD231PS, whose kernels give the same bits: half as many on Intel's Emerald
// Rapids, twice as many on AMD's Zen 4.
func dotProductsAreSlow() bool { return vendor() == intel }

const intel = 0x756e6547 // "Genu"

// vendor is the first four letters of the processor's vendor.
func vendor() uint32

// hasF16C says whether the processor has VCVTPH2PS, the one feature here that
// golang.org/x/sys/cpu has no name for.
func hasF16C() bool
