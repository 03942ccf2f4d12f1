//go:build !amd64 && !arm64

package sysinfo

func features() []string { return have(nil) }
