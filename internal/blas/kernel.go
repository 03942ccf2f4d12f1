package blas

import (
	"fmt"
	"os"

	"gonum.org/v1/gonum/blas/blas32"
)

// KernelVariable names the environment variable with which tests choose a
// kernel. All of them give the same bits.
const KernelVariable = "STABLELORA_KERNEL"

// avx2 says whether the AVX2 kernel is used. It starts as what the processor
// can do; Install may turn it off.
var avx2 = haveAVX2

// Install makes gonum's blas32 compute with this package and returns the name
// of the kernel in use. It is meant to be called once, before any product.
func Install() (kernel string, err error) {
	switch want := os.Getenv(KernelVariable); want {
	case "":
	case "portable":
		avx2 = false
	case "avx2":
		if !haveAVX2 {
			return "", fmt.Errorf("%s=avx2: this processor or this build has no AVX2 kernel; use portable, or leave the variable unset", KernelVariable)
		}
		avx2 = true
	default:
		return "", fmt.Errorf("%s=%s: no such kernel; use portable or avx2, or leave the variable unset", KernelVariable, want)
	}
	blas32.Use(Implementation{})
	return Kernel(), nil
}

// Kernel is the name of the kernel in use.
func Kernel() string {
	if avx2 {
		return "avx2"
	}
	return "portable"
}
