//go:build !amd64 || noasm

package blas

func (*job) packLeftWide([]float32, int, int, int, int) bool { return false }

func (*job) packRightWide([]float32, int, int, int, int) bool { return false }

func (*job) multiplyPanelsWide(*chunk, int, int, int, int, int, int) bool { return false }

func (*job) prefetchRight(*chunk, int, int, int, int) {}

func (*kernel) roundWide([]float32) int { return 0 }
