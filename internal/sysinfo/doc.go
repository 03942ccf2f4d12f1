// Package sysinfo asks the operating system about memory: how much is free, how
// much this process has used at most. It is a leaf.
package sysinfo
