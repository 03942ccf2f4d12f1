package vec

import "github.com/stablelora/stablelora/internal/isa"

//go:generate go -C _gen run . -out ../vec_amd64.s -stubs ../vec_amd64.go -pkg vec
//go:generate go -C ../_neon run ./vec -out ../vec/vec_arm64.s -stubs ../vec/vec_arm64.go -pkg vec

// kernels says whether to compute with the architecture's assembly, which is of
// AVX2 or NEON.
func kernels() bool { return isa.Current() != isa.Portable }
