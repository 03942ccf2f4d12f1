package sysinfo

import "golang.org/x/sys/cpu"

func features() []string {
	x := cpu.X86
	return have([]feature{
		{"avx", x.HasAVX}, {"avx2", x.HasAVX2}, {"fma", x.HasFMA}, {"avx512f", x.HasAVX512F}, {"avx512vl", x.HasAVX512VL},
		{"avx512bf16", x.HasAVX512BF16}, {"avx512vnni", x.HasAVX512VNNI}, {"amx_bf16", x.HasAMXBF16},
	})
}
