package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/configs"
	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/demo"
	"github.com/stablelora/stablelora/internal/fsutil"
)

// The configurations that train the demo, once and in a sweep, and the folder
// their paths start with in the source tree.
const (
	demoConfig = "quickstart.yaml"
	demoSweep  = "sweep.yaml"
	demoPrefix = "../internal/demo/"
)

func newInitCmd(e *env) *cobra.Command {
	var demoDir string
	cmd := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented configuration, or the demo",
		Long: `Write a commented configuration with every key to FILE (stablelora.yaml).
With --demo DIR write the demo there instead: a small model, its data, and a
configuration that trains it in less than a minute, and one for a sweep. Nothing
is overwritten.` + exitStatus,
		Example: `  stablelora init
  stablelora init --demo demo && stablelora train --config demo/quickstart.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && demoDir != "" {
				return usagef("takes one file, or --demo DIR")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := runInit(demoDir, args)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(struct {
					Files []string `json:"files"`
				}{files})
			}
			for _, f := range files {
				fmt.Fprintln(e.out, "wrote", f)
			}
			if demoDir != "" {
				e.note("train it with: stablelora train --config %s", filepath.Join(demoDir, demoConfig))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&demoDir, "demo", "", "write the demo into this folder")
	return cmd
}

func runInit(demoDir string, args []string) ([]string, error) {
	if demoDir != "" {
		return writeDemo(demoDir)
	}
	path := "stablelora.yaml"
	if len(args) == 1 {
		path = args[0]
	}
	return []string{path}, writeNew(path, config.Template())
}

func writeDemo(dir string) ([]string, error) {
	for _, name := range []string{demoConfig, demoSweep} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return nil, usagef("%s is there already; choose another folder", filepath.Join(dir, name))
		}
	}
	files, err := demo.WriteTo(dir)
	if errors.Is(err, fs.ErrExist) {
		return nil, usageError{err}
	}
	if err != nil {
		return nil, err
	}
	for _, name := range []string{demoConfig, demoSweep} {
		raw, err := configs.FS.ReadFile(name)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, name)
		if err := writeNew(path, bytes.ReplaceAll(raw, []byte(demoPrefix), nil)); err != nil {
			return nil, err
		}
		files = append(files, path)
	}
	return files, nil
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, data []byte) error {
	if _, err := os.Stat(path); err == nil {
		return usagef("%s is there already; remove it or choose another name", path)
	}
	return fsutil.WriteFile(path, data)
}
