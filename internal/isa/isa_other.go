//go:build !amd64 || noasm

package isa

func detect() []Set { return nil }
