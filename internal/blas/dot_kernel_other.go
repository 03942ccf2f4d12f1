//go:build (!amd64 && !arm64) || noasm

package blas

func hasDotKernel() bool { return false }

func (d *dots) multiply() { d.multiplyGeneric() }
