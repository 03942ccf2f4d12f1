package config

import (
	_ "embed"
	"slices"
)

//go:embed template.yaml
var template []byte

// Template returns a commented configuration that holds every key with its
// default, but for the two paths that have none.
func Template() []byte { return slices.Clone(template) }
