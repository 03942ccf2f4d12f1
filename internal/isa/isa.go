package isa

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Variable names the environment variable with which tests choose an
// instruction set.
const Variable = "STABLELORA_KERNEL"

// Set is an instruction set.
type Set int

// The instruction sets there are kernels for; those of one architecture from few
// instructions to more.
const (
	Portable   Set = iota // plain Go
	NEON                  // of every 64-bit ARM processor
	AVX2                  // with FMA and F16C
	AVX512                // with the extensions BW, DQ and VL, and BMI2
	AVX512BF16            // with dot products of bfloat16
)

var names = [...]string{"portable", "neon", "avx2", "avx512", "avx512bf16"}

// String returns the name that Variable takes.
func (s Set) String() string { return names[s] }

// available holds the sets that this processor and this build have, the fastest
// one last.
var available = append([]Set{Portable}, detect()...)

// current is the set in use. It starts as the best there is.
var current = best()

func best() Set { return available[len(available)-1] }

// Current is the set in use.
func Current() Set { return current }

// Available lists the sets that this processor and this build have.
func Available() []Set { return slices.Clone(available) }

// Use chooses an available set. It must not be called while anything is being
// computed.
func Use(s Set) {
	if !slices.Contains(available, s) {
		panic(fmt.Sprintf("isa: set %d is not available", s))
	}
	current = s
}

// Choose uses the set that Variable names; where it is empty or not set, the
// best one.
func Choose() error {
	want := os.Getenv(Variable)
	if want == "" {
		Use(best())
		return nil
	}
	s := Set(slices.Index(names[:], want))
	switch {
	case s < 0:
		return fmt.Errorf("%s=%s: no such kernel; use %s, or leave the variable unset", Variable, want, strings.Join(names[:], " or "))
	case !slices.Contains(available, s):
		return fmt.Errorf("%s=%s: this processor or this build has no such kernel; use portable, or leave the variable unset", Variable, want)
	}
	Use(s)
	return nil
}
