//go:build !amd64 || noasm

package blas

func hasDotKernel() bool { return false }

func (d *dots) multiply() { d.multiplyGeneric() }
