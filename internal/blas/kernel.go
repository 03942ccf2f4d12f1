package blas

import (
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/stablelora/stablelora/internal/isa"
)

// Install makes gonum's blas32 compute with this package, on the instruction set
// that isa.Variable names or the best there is, and returns its name. It is
// meant to be called once, before any product.
func Install() (kernel string, err error) {
	if err := isa.Choose(); err != nil {
		return "", err
	}
	blas32.Use(Implementation{})
	return Kernel(), nil
}

// Kernel is the name of the kernel in use.
func Kernel() string { return isa.Current().String() }
