package sysinfo

import "golang.org/x/sys/cpu"

func features() []string {
	x := cpu.ARM64
	return have([]feature{
		{"asimd", x.HasASIMD}, {"asimdhp", x.HasASIMDHP}, {"asimddp", x.HasASIMDDP}, {"i8mm", x.HasI8MM}, {"sve", x.HasSVE}, {"sve2", x.HasSVE2},
	})
}
