package main

import (
	"github.com/spf13/pflag"

	"github.com/stablelora/stablelora/internal/tensor"
)

func computeFlag(f *pflag.FlagSet, value *string) {
	f.StringVar(value, "compute", tensor.FP32.String(), "arithmetic of products: fp32, or bf16 (inputs rounded to bfloat16)")
}

func parseCompute(name string) (tensor.Compute, error) {
	c, err := tensor.ParseCompute(name)
	if err != nil {
		return c, usagef("--compute: %w", err)
	}
	return c, nil
}
