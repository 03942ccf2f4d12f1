// Package sysinfo asks the operating system and the processor what there is:
// memory, cores, instructions, disk, and how much memory this process has used
// at most. What is not known on a system reads 0 or "". It is a leaf.
package sysinfo
