package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/checkpoint"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/peft"
	"github.com/stablelora/stablelora/internal/safetensors"
)

// description is what inspect prints.
type description struct {
	Kind       string              `json:"kind"` // model, adapter, checkpoint, safetensors
	Path       string              `json:"path"`
	Parameters int                 `json:"parameters"`
	Bytes      int                 `json:"bytes"`
	Model      *model.Config       `json:"model,omitempty"`
	Adapter    *peft.Description   `json:"adapter,omitempty"`
	Manifest   string              `json:"manifest,omitempty"` // of a checkpoint: verified
	Metadata   map[string]string   `json:"metadata,omitempty"`
	Tensors    []tensorDescription `json:"tensors"`
}

type tensorDescription struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

func newInspectCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "inspect PATH",
		Short: "Show what a model, an adapter, a checkpoint or a safetensors file holds",
		Long: `Show what a model folder, an adapter folder, a checkpoint or a safetensors file
holds. A checkpoint is checked against its manifest.` + exitStatus,
		Example: `  stablelora inspect models/Qwen2-0.5B
  stablelora inspect runs/default/checkpoint-100
  stablelora inspect --json model.safetensors`,
		Args: exactlyOne("a folder or file"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := describe(args[0])
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(d)
			}
			return d.print(e)
		},
	}
}

func describe(path string) (*description, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fsutil.Inputf(path, "there is no such file or folder")
	}
	if err != nil {
		return nil, err
	}
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(path, name))
		return err == nil
	}
	d := &description{Path: path}
	switch {
	case !info.IsDir():
		d.Kind = "safetensors"
		return d, d.addFile(path)
	case has("adapter_config.json"):
		d.Kind = "adapter"
		if has("manifest.json") {
			d.Kind, d.Manifest = "checkpoint", "verified"
			if err := checkpoint.Verify(path); err != nil {
				return nil, err
			}
		}
		if d.Adapter, err = peft.Describe(path); err != nil {
			return nil, err
		}
		return d, d.addFile(filepath.Join(path, "adapter_model.safetensors"))
	case has("config.json"):
		d.Kind = "model"
		if d.Model, err = model.ReadConfig(path); err != nil {
			return nil, err
		}
		return d, d.addModel(path)
	}
	return nil, fsutil.Inputf(path, "is neither a model folder (config.json), nor an adapter or checkpoint (adapter_config.json), nor a safetensors file")
}

func (d *description) addFile(path string) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	d.Metadata = f.Metadata()
	for _, t := range f.Tensors() {
		d.add(t)
	}
	return nil
}

func (d *description) addModel(dir string) error {
	set, err := safetensors.OpenModel(dir)
	if err != nil {
		return err
	}
	defer set.Close()
	for _, name := range set.Names() {
		t, _ := set.Tensor(name)
		d.add(t)
	}
	return nil
}

func (d *description) add(t safetensors.Tensor) {
	d.Parameters += t.Elements()
	d.Bytes += len(t.Data)
	d.Tensors = append(d.Tensors, tensorDescription{t.Name, t.DType, append([]int{}, t.Shape...)})
}

func (d *description) print(e *env) error {
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t%s\n", d.Kind, d.Path)
	fmt.Fprintf(w, "parameters\t%d in %d tensors, %.1f MB\n", d.Parameters, len(d.Tensors), float64(d.Bytes)/1e6)
	if c := d.Model; c != nil {
		fmt.Fprintf(w, "architecture\t%s, %d layers, width %d, MLP %d, vocabulary %d\n", c.Architecture, c.Layers, c.HiddenSize, c.IntermediateSize, c.VocabSize)
		fmt.Fprintf(w, "attention\t%d heads, %d for keys and values, of width %d\n", c.Heads, c.KVHeads, c.HeadDim)
		fmt.Fprintf(w, "positions\t%d, rope theta %g, scaling %s\n", c.MaxPositions, c.RopeTheta, c.RopeScale.Kind)
	}
	if d.Manifest != "" {
		fmt.Fprintf(w, "manifest\t%s\n", d.Manifest)
	}
	if a := d.Adapter; a != nil {
		fmt.Fprintf(w, "base model\t%s\n", a.BaseModel)
		fmt.Fprintf(w, "LoRA\tr %d, alpha %g, scale %g, targets %s\n", a.R, a.Alpha, a.Scale, strings.Join(a.Targets, " "))
		w.Flush() // so that long names do not widen the lines above
		for _, m := range a.Modules {
			fmt.Fprintf(w, "  %s\tr %d\tscale %g\t‖A‖ %.4g\t‖B‖ %.4g\n", m.Name, m.R, m.Scale, m.NormA, m.NormB)
		}
	}
	w.Flush()
	for _, t := range d.Tensors {
		fmt.Fprintf(w, "  %s\t%s\t%v\n", t.Name, t.DType, t.Shape)
	}
	return w.Flush()
}
