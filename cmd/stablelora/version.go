package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/blas"
)

// version is set at release by -ldflags "-X main.version=v1.2.3".
var version = "dev"

func newVersionCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version and the kernels in use",
		Long:    "Print the version, the Go release it was built with and the kernels this machine runs." + exitStatus,
		Example: "  stablelora version\n  stablelora version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version  string `json:"version"`
				Revision string `json:"revision,omitempty"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
				Kernel   string `json:"kernel"`
			}{version, revision(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, blas.Kernel()}
			if e.json {
				return e.printJSON(v)
			}
			name := strings.TrimSpace(v.Version + " " + v.Revision)
			fmt.Fprintf(e.out, "stablelora %s (%s, %s, kernel %s)\n", name, v.Go, v.Platform, v.Kernel)
			return nil
		},
	}
}

// revision is the commit the binary was built from, where Go recorded it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return ""
}
