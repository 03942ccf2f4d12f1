//go:build !linux

package blas

func adviseHugePages([]byte) {}
