// Package preset holds the shapes of well-known models, so that speed and memory
// can be told without their files. It must not know what is done with them.
package preset
