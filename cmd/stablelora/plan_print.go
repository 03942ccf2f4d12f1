package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stablelora/stablelora/internal/cost"
)

func printPlan(out io.Writer, p *plan, l cost.Limits) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "model\t%s, %s parameters\n", p.Model, count(float64(p.Parameters)))
	fmt.Fprintf(w, "adapter\t%d modules, %d trainable parameters\n", p.Modules, p.Trainable)
	fmt.Fprintf(w, "run\t%d steps, %.0f sequences, %.0f tokens, %.0f of them supervised; the longest sequence has %d\n", p.Steps, p.Sequences, p.Tokens, p.Supervised, p.Longest)
	for _, a := range p.Assumptions {
		fmt.Fprintf(w, "assumed\t%s\n", a)
	}
	fmt.Fprintf(w, "operations\t%sFLOP a step, %sFLOP in all", count(p.StepFlops), count(p.Flops))
	if p.Recompute {
		fmt.Fprintf(w, ", and %sFLOP computed again", count(p.FlopsAgain))
	}
	fmt.Fprintf(w, "\nspeed\t%.1f GFLOP/s of needed work, %.1f tokens/s", p.GFlops, p.Speed)
	if p.Peak > 0 {
		fmt.Fprintf(w, "; this machine's peak is %.0f (kernel %s, %d threads)", p.Peak, p.Kernel, p.Threads)
	}
	fmt.Fprintf(w, "\ntime\t%s a step, %s in all\n", duration(p.StepSeconds), duration(p.Seconds))
	if p.Energy != nil {
		fmt.Fprintf(w, "energy\t%.3g kWh\n", *p.Energy)
	}
	if p.Price != nil {
		fmt.Fprintf(w, "price\t%.2f\n", *p.Price)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	printPlanMemory(w, p)
	if err := w.Flush(); err != nil {
		return err
	}
	return printAdvice(out, p, l)
}

func printPlanMemory(w io.Writer, p *plan) {
	fmt.Fprintf(w, "\nmemory, GB\tkept\trecomputed\n")
	k, a := p.Kept, p.Again
	for _, row := range []struct {
		name        string
		kept, again uint64
	}{
		{"weights, mapped", k.Weights, a.Weights},
		{"activations for the backward pass", k.Activations, a.Activations},
		{"a block's or the logits' working space", k.Working, a.Working},
		{"factors A and B", k.Factors, a.Factors},
		{"their gradients", k.Gradients, a.Gradients},
		{"the optimizer's moments", k.Moments, a.Moments},
		{"sums over the batch", k.Sums, a.Sums},
		{"buffers of products", k.Packing, a.Packing},
		{"program, tokenizer, records, garbage", k.Program, a.Program},
		{"in all", k.Total, a.Total},
	} {
		fmt.Fprintf(w, "  %s\t%7.3f\t%7.3f\n", row.name, float64(row.kept)/1e9, float64(row.again)/1e9)
	}
	choice := "keeps"
	if p.Recompute {
		choice = "recomputes"
	}
	fmt.Fprintf(w, "  the run %s activations\n", choice)
}

func printAdvice(w io.Writer, p *plan, l cost.Limits) error {
	if p.Fits && l.Bytes > 0 {
		fmt.Fprintf(w, "\nIt fits: %.1f GB of %.1f GB.\n", float64(p.MemoryBytes)/1e9, float64(l.Bytes)/1e9)
	}
	if p.Fits {
		return nil
	}
	if l.Bytes > 0 && p.MemoryBytes > l.Bytes {
		fmt.Fprintf(w, "\n%.1f GB do not fit into %.1f GB.", float64(p.MemoryBytes)/1e9, float64(l.Bytes)/1e9)
	}
	if l.Seconds > 0 && p.Seconds > l.Seconds {
		fmt.Fprintf(w, "\n%s are more than %s.", duration(p.Seconds), duration(l.Seconds))
	}
	fmt.Fprintln(w, " What would change that:")
	for _, c := range p.Advice {
		fits := "not enough"
		if c.Fits {
			fits = "fits"
		}
		settings := ""
		for s := range strings.FieldsSeq(c.Settings) {
			settings += " --set " + s
		}
		note := ""
		if c.Note != "" {
			note = " (" + c.Note + ")"
		}
		fmt.Fprintf(w, "  %s: %.1f GB, %s, %s%s\n", strings.TrimPrefix(settings, " "), float64(c.Bytes)/1e9, duration(c.Seconds), fits, note)
	}
	return nil
}

// count writes a number with three digits and a prefix.
func count(x float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e18, " E"}, {1e15, " P"}, {1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if x >= u.size {
			return fmt.Sprintf("%.3g%s", x/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.3g ", x)
}

// duration writes seconds as people say them.
func duration(seconds float64) string {
	switch {
	case seconds < 60:
		return fmt.Sprintf("%.2g s", seconds)
	case seconds < 1e9:
		return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
	}
	return fmt.Sprintf("%.0f years", seconds/(365.25*86400))
}
