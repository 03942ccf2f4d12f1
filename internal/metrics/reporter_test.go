package metrics

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// screen is what a terminal shows of output that uses \r, \n and the two erase
// sequences of the bar.
func screen(out string) []string {
	lines, col := []string{""}, 0
	for len(out) > 0 {
		last := &lines[len(lines)-1]
		switch {
		case strings.HasPrefix(out, "\033[2K"):
			*last, out = strings.Repeat(" ", col), out[4:]
		case strings.HasPrefix(out, "\033[0K"):
			*last, out = (*last)[:min(col, len(*last))], out[4:]
		case out[0] == '\r':
			col, out = 0, out[1:]
		case out[0] == '\n':
			lines, col, out = append(lines, ""), 0, out[1:]
		default:
			*last = (*last)[:col] + out[:1] + (*last)[min(col+1, len(*last)):]
			col, out = col+1, out[1:]
		}
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

func run(r Reporter, steps, done int) {
	r.Start(steps, done)
	for k := done + 1; k <= steps; k++ {
		if k == 4 {
			r.Warn("watch out")
		}
		r.Step(StepRow{Step: k, Loss: 2.5, LearningRate: 1e-4, TokensPerSecond: 99.96})
	}
	r.Finish()
	r.Message("done")
}

func TestLinesReporter(t *testing.T) {
	line := func(k int) string {
		return fmt.Sprintf("step %d/7  loss 2.5000  lr 0.0001  100.0 tokens/s  eta 0s", k)
	}
	for _, c := range []struct {
		name        string
		tty, quiet  bool
		every, done int
		want        []string
	}{
		{"every 3", false, false, 3, 0, []string{line(1), line(3), "warning: watch out", line(6), line(7), "done", ""}},
		{"resumed", false, false, 100, 4, []string{line(5), line(7), "done", ""}},
		{"never", false, false, 0, 5, []string{line(6), line(7), "done", ""}},
		{"quiet", false, true, 1, 0, []string{"warning: watch out", ""}},
		{"quiet terminal", true, true, 1, 0, []string{"warning: watch out", ""}},
	} {
		var out bytes.Buffer
		run(NewReporter(&out, c.tty, c.quiet, c.every), 7, c.done)
		if diff := cmp.Diff(c.want, strings.Split(out.String(), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestLinesProgress(t *testing.T) {
	var out bytes.Buffer
	l := &lines{w: &out, every: 1}
	for k := range 200 {
		l.Progress("hellaswag", k+1, 200)
		if k == 99 {
			l.lastLine = l.lastLine.Add(-progressEvery) // as if so much time had passed
		}
	}
	l.lastLine = l.lastLine.Add(-progressEvery)
	l.Progress("piqa", 64, 200) // many at a time: the first is no reason for a line
	if want := "hellaswag: 101 of 200\nhellaswag: 200 of 200\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestETA(t *testing.T) {
	start := time.Unix(0, 0)
	p := pace{total: 110, done: 10, start: start}
	for step, want := range map[int]time.Duration{10: 100 * time.Minute, 20: 9 * time.Minute, 110: 0, 120: 0} {
		if got := p.eta(step, start.Add(time.Minute)); got != want {
			t.Errorf("after a minute and step %d: %v left, want %v", step, got, want)
		}
	}
}

func TestBarReporter(t *testing.T) {
	var out bytes.Buffer
	r := NewReporter(&out, true, false, 1)
	run(r, 7, 0)
	got := screen(out.String())
	full := regexp.MustCompile(`^ 100% \S+.*  step 7/7  loss 2\.5000  lr 0\.0001  100\.0 tokens/s  eta 0s$`)
	if len(got) != 4 || got[0] != "warning: watch out" || !full.MatchString(got[1]) || got[2] != "done" || got[3] != "" {
		t.Errorf("the terminal shows %q", got)
	}
}

func TestBarMakesRoom(t *testing.T) {
	var out bytes.Buffer
	r := NewReporter(&out, true, false, 1)
	r.Start(10, 4)
	shows := func(want ...string) {
		t.Helper()
		got := screen(out.String())
		if len(got) != len(want) {
			t.Fatalf("the terminal shows %q, want %q", got, want)
		}
		for i := range got {
			if utf8.RuneCountInString(got[i]) > 80 || !strings.Contains(got[i], want[i]) || want[i] == "" && got[i] != "" {
				t.Fatalf("the terminal shows %q, want %q", got, want)
			}
		}
	}
	shows("step 4/10")
	r.Message("saved")
	shows("saved", "step 4/10") // the bar comes back below
	r.Progress("held-out", 1, 5)
	shows("saved", "held-out: 1 of 5")
	r.Warn("slow")
	shows("saved", "warning: slow", "held-out: 1 of 5")
	r.Progress("held-out", 5, 5)
	shows("saved", "warning: slow", "")
	r.Step(StepRow{Step: 10})
	shows("saved", "warning: slow", "step 10/10")
	r.Progress("hellaswag", 1, 2) // a full bar stays
	shows("saved", "warning: slow", "step 10/10", "hellaswag: 1 of 2")
	r.Progress("hellaswag", 2, 2)
	r.Finish()
	r.Message("bye")
	shows("saved", "warning: slow", "step 10/10", "bye", "")
}

// A fast run must not flood the terminal, nor an empty one trip the bar.
func TestBarIsThrottled(t *testing.T) {
	var out bytes.Buffer
	run(NewReporter(&out, true, false, 1), 20000, 0)
	if out.Len() > 20000 {
		t.Errorf("%d bytes for 20000 quick steps", out.Len())
	}
	out.Reset()
	run(NewReporter(&out, true, false, 1), 0, 0)
	if out.String() != "done\n" {
		t.Errorf("a run of no steps prints %q", out.String())
	}
}

func TestIsTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) {
		t.Error("a file is taken for a terminal")
	}
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	defer pty.Close()
	t.Setenv("TERM", "xterm")
	if !IsTerminal(pty) {
		t.Error("a terminal is not recognised")
	}
	t.Setenv("TERM", "dumb")
	if IsTerminal(pty) {
		t.Error("TERM=dumb is taken for a terminal that can redraw")
	}
}
