// Package configs embeds the commented configurations of this folder: the demo's
// quickstart.yaml and sweep.yaml, and one for each model of the Stable-LoRA paper. It must not
// know what the keys mean; internal/config does.
package configs

import "embed"

// FS holds the files of this folder.
//
//go:embed *.yaml
var FS embed.FS
