//go:build !amd64 || noasm

package blas

func (t *tile) multiply() { t.multiplyGeneric() }

func packLeft6([]float32, []float32, int, int) int { return 0 }

func packColumns16([]float32, right, int, int) int { return 0 }

func packRows16([]float32, right, int, int) bool { return false }

func peakAVX2(int) { panic("blas: a kernel that this build does not have") }
