package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/stablelora/stablelora/internal/bench"
	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/isa"
	"github.com/stablelora/stablelora/internal/parallel"
	"github.com/stablelora/stablelora/internal/sysinfo"
)

func newDoctorCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Tell what this machine offers and how fast it is",
		Long: `Tell what this machine offers: processor, cores, memory and what limits them;
which kernel is chosen and why; and, in a few seconds, how fast it is: the peak of
multiply-adds, a layer's product on every kernel there is, and the memory's read
bandwidth. What would slow a run down or stop it is pointed out.` + exitStatus,
		Example: "  stablelora doctor\n  stablelora doctor --threads 1 --json",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd.Context(), e) },
	}
}

// checkup is the command's result.
type checkup struct {
	Version  string   `json:"version"`
	Platform string   `json:"platform"`
	CPU      string   `json:"cpu"`
	Features []string `json:"features"`
	Cores    int      `json:"cores"`      // that this process may run on
	Quota    float64  `json:"cpu_quota"`  // cores' worth of time; 0: no limit
	MaxProcs int      `json:"gomaxprocs"` // the default of --threads
	Threads  int      `json:"threads"`

	Kernel  string   `json:"kernel"`
	Kernels []string `json:"kernels"` // there are
	Why     string   `json:"kernel_reason"`

	MemoryTotal     uint64 `json:"memory_bytes"`
	MemoryAvailable uint64 `json:"available_bytes"`
	MemoryLimit     uint64 `json:"memory_limit_bytes"` // of the control group; 0: none
	PageCache       uint64 `json:"page_cache_bytes"`
	SwapTotal       uint64 `json:"swap_bytes"`
	SwapUsed        uint64 `json:"swap_used_bytes"`
	DiskFree        uint64 `json:"disk_free_bytes"` // in the current folder

	*bench.Machine
	Warnings []string `json:"warnings"`
}

func runDoctor(ctx context.Context, e *env) error {
	ctx, stop := e.cancelOnSignal(ctx)
	defer stop()
	c := newCheckup()
	e.note("measuring")
	var err error
	if c.Machine, err = bench.MeasureMachine(ctx); err != nil {
		return orInterrupted(ctx, err, "nothing was written")
	}
	c.warn()
	if e.json {
		return e.printJSON(c)
	}
	return c.print(e.out)
}

func newCheckup() *checkup {
	cpu, mem := sysinfo.ReadCPU(), sysinfo.ReadMemory()
	c := &checkup{
		Version: version, Platform: runtime.GOOS + "/" + runtime.GOARCH,
		CPU: cpu.Model, Features: cpu.Features, Cores: cpu.Cores, Quota: cpu.Quota, MaxProcs: runtime.GOMAXPROCS(0), Threads: parallel.Threads(),
		Kernel: blas.Kernel(), MemoryTotal: mem.Total, MemoryAvailable: mem.Available, MemoryLimit: mem.Limit, PageCache: mem.PageCache,
		SwapTotal: mem.SwapTotal, SwapUsed: mem.SwapUsed, DiskFree: sysinfo.FreeDisk("."), Warnings: []string{},
	}
	for _, s := range isa.Available() {
		c.Kernels = append(c.Kernels, s.String())
	}
	switch forced := os.Getenv(isa.Variable); {
	case forced != "":
		c.Why = isa.Variable + " says so"
	case len(c.Kernels) == 1:
		c.Why = "this processor or this build has no other"
	default:
		c.Why = "the fastest that this processor and this build have"
	}
	return c
}

// warn collects what would slow a run down or stop it.
func (c *checkup) warn() {
	add := func(ok bool, format string, args ...any) {
		if !ok {
			c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
		}
	}
	best := c.Kernels[len(c.Kernels)-1]
	add(c.Kernel == best, "kernel %s is in use, and there is %s, which is faster; unset %s", c.Kernel, best, isa.Variable)
	add(len(c.Kernels) > 1, "there is no kernel for this processor: products run in portable Go, many times slower")
	add(c.Threads <= c.MaxProcs, "--threads %d is more than the %d cores' worth of time that this process may use", c.Threads, c.MaxProcs)
	add(c.Threads >= c.MaxProcs, "--threads %d leaves some of the %d cores unused", c.Threads, c.MaxProcs)
	add(!c.Busy(), "something else uses this machine: its peak was between %.0f and %.0f GFLOP/s within two seconds", c.LowestPeak, c.PeakGFlops)
	const gb = 1e9
	add(c.SwapUsed < 64<<20, "%.1f GB are swapped out: memory is or was short, and a run that swaps is many times slower", float64(c.SwapUsed)/gb)
	add(c.MemoryTotal == 0 || c.MemoryAvailable > c.MemoryTotal/4, "only %.1f GB of memory are available: weights are mapped from their files and read again from disk whenever they were dropped from the page cache", float64(c.MemoryAvailable)/gb)
	add(c.DiskFree == 0 || c.DiskFree > 1<<30, "only %.1f GB are left on the disk of this folder", float64(c.DiskFree)/gb)
}

func (c *checkup) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	name := c.CPU
	if name == "" {
		name = "not known"
	}
	fmt.Fprintf(w, "stablelora\t%s, %s\n", c.Version, c.Platform)
	fmt.Fprintf(w, "processor\t%s; %s\n", name, strings.Join(c.Features, " "))
	fmt.Fprintf(w, "cores\t%d", c.Cores)
	if c.Quota > 0 {
		fmt.Fprintf(w, ", of which the control group allows %.3g", c.Quota)
	}
	fmt.Fprintf(w, "; %d threads in use\n", c.Threads)
	fmt.Fprintf(w, "kernel\t%s of %s: %s\n", c.Kernel, strings.Join(c.Kernels, ", "), c.Why)
	gb := func(bytes uint64) string { return fmt.Sprintf("%.1f GB", float64(bytes)/1e9) }
	if c.MemoryTotal > 0 {
		fmt.Fprintf(w, "memory\t%s, %s available", gb(c.MemoryTotal), gb(c.MemoryAvailable))
		if c.MemoryLimit > 0 {
			fmt.Fprintf(w, ", control group limit %s", gb(c.MemoryLimit))
		}
		fmt.Fprintf(w, "; page cache %s; swap %s, %s used\n", gb(c.PageCache), gb(c.SwapTotal), gb(c.SwapUsed))
	} else {
		fmt.Fprintf(w, "memory\tnot known on this system: train cannot check it, and keeps activations unless told otherwise\n")
	}
	if c.DiskFree > 0 {
		fmt.Fprintf(w, "disk\t%s free here\n", gb(c.DiskFree))
	}
	fmt.Fprintf(w, "peak\t%.1f GFLOP/s of float32 multiply-adds\n", c.PeakGFlops)
	for _, p := range c.Products {
		fmt.Fprintf(w, "product\t%.1f GFLOP/s, %.2f of the peak, on %s\n", p.GFlops, p.GFlops/c.PeakGFlops, p.Kernel)
	}
	fmt.Fprintf(w, "reading\t%.1f GB/s of memory\n", c.ReadSpeed/1e9)
	for _, text := range c.Warnings {
		fmt.Fprintf(w, "warning\t%s\n", text)
	}
	return w.Flush()
}
